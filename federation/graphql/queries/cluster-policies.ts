import { policyOrder } from '@isthmus/api/domain/question.ts';
import { askCluster } from '../ask.ts';
import { builder } from '../builder.ts';
import { checkFirst, fromCursor, toCursor } from '../pages.ts';
import { needs } from '../roles.ts';
import { clusterPolicyConnection } from '../types/cluster-policy.ts';
import { pageArguments } from '../types/connection.ts';

builder.queryField('clusterPolicies', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: clusterPolicyConnection,
    description:
      'The security policies that a cluster itself has, with what its agent says of each, by kind, namespace and name. Queried live from the agent; fails with CLUSTER_UNREACHABLE if the agent is disconnected.',
    args: { cluster: t.arg.string({ required: true }), namespace: t.arg.string(), ...pageArguments },
    resolve: async (_root, { cluster, namespace, first, after }, context) => {
      checkFirst(first);
      const from = after ? fromCursor(after) : '';
      const answer = await askCluster(
        cluster,
        { kind: 'policies', namespace: namespace ?? '', first, after: from },
        context,
      );
      return {
        edges: answer.policies.map((node) => ({ cursor: toCursor(policyOrder(node)), node })),
        totalCount: answer.total,
        hasNextPage: answer.hasNext,
      };
    },
  }),
);
