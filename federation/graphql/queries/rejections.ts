import { placeOfRejection } from '@isthmus/api/domain/rejection.ts';
import { askCluster } from '../ask.ts';
import { builder } from '../builder.ts';
import { checkFirst, fromCursor, toCursor } from '../pages.ts';
import { needs } from '../roles.ts';
import { severityType } from '../types/common.ts';
import { pageArguments } from '../types/connection.ts';
import { rejectionConnection } from '../types/rejection.ts';

builder.queryField('rejections', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: rejectionConnection,
    description:
      'Everything in a cluster’s manifests that is not applied, gravest first. Queried live from the agent; fails with CLUSTER_UNREACHABLE if the agent is disconnected.',
    args: {
      cluster: t.arg.string({ required: true }),
      severity: t.arg({ type: severityType, description: 'Only those of this severity.' }),
      ...pageArguments,
    },
    resolve: async (_root, { cluster, severity, first, after }, context) => {
      checkFirst(first);
      const from = after ? fromCursor(after) : '';
      const answer = await askCluster(
        cluster,
        { kind: 'rejections', severity: severity ?? '', first, after: from },
        context,
      );
      return {
        edges: answer.rejections.map((node) => ({ cursor: toCursor(placeOfRejection(node)), node })),
        totalCount: answer.total,
        hasNextPage: answer.hasNext,
      };
    },
  }),
);
