import { clusterOfUid } from '@isthmus/mesh/records/workload-uid.ts';
import { askCluster } from '../ask.ts';
import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { checkFirst, fromCursor, toCursor } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { workloadConnection, workloadView, type WorkloadView } from '../types/workload.ts';

builder.queryField('workloads', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: workloadConnection,
    description: 'Queried live from the agent; fails with CLUSTER_UNREACHABLE if the agent is disconnected.',
    args: { cluster: t.arg.string({ required: true }), namespace: t.arg.string(), ...pageArguments },
    resolve: async (_root, { cluster, namespace, first, after }, context) => {
      checkFirst(first);
      const from = after ? fromCursor(after) : '';
      const answer = await askCluster(
        cluster,
        { kind: 'workloads', first, after: from, namespace: namespace ?? '', labels: {} },
        context,
      );
      return {
        edges: answer.workloads.map((one) => ({
          cursor: toCursor(one.uid),
          node: workloadView(cluster, one),
        })),
        totalCount: answer.total,
        hasNextPage: answer.hasNext,
      };
    },
  }),
);

/** A workload by its uid, which begins with its cluster's name. */
export async function oneWorkload(uid: string, context: RequestContext): Promise<WorkloadView | undefined> {
  const cluster = clusterOfUid(uid);
  if (!context.snapshot.intent.clusters.has(cluster)) return undefined;
  // A page begins after a uid: this is the last text before the wanted one.
  const before = uid.slice(0, -1) + String.fromCharCode(uid.charCodeAt(uid.length - 1) - 1) + '\uffff';
  const answer = await askCluster(
    cluster,
    { kind: 'workloads', first: 1, after: before, namespace: '', labels: {} },
    context,
  );
  const [found] = answer.workloads;
  return found?.uid === uid ? workloadView(cluster, found) : undefined;
}
