import { proxyOrder } from '@isthmus/api/domain/question.ts';
import { askCluster } from '../ask.ts';
import { builder } from '../builder.ts';
import { checkFirst, fromCursor, toCursor } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { proxyConnection } from '../types/proxy.ts';

builder.queryField('proxies', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: proxyConnection,
    description:
      'The connected proxies of a cluster, by kind, namespace and pod. Queried live from the agent; fails with CLUSTER_UNREACHABLE if the agent is disconnected.',
    args: { cluster: t.arg.string({ required: true }), ...pageArguments },
    resolve: async (_root, { cluster, first, after }, context) => {
      checkFirst(first);
      const from = after ? fromCursor(after) : '';
      const answer = await askCluster(cluster, { kind: 'proxies', first, after: from }, context);
      return {
        edges: answer.proxies.map((one) => ({
          cursor: toCursor(proxyOrder(one)),
          node: { ...one, cluster },
        })),
        totalCount: answer.total,
        hasNextPage: answer.hasNext,
      };
    },
  }),
);
