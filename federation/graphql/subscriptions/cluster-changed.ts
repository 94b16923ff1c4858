import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { builder } from '../builder.ts';
import { needs } from '../roles.ts';
import { clusterType, type ClusterView } from '../types/cluster.ts';
import { latest } from './latest.ts';
import { areAlike, type ClusterBrief, type ShownClusters } from './shown-clusters.ts';

builder.subscriptionField('clusterChanged', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: clusterType,
    description:
      'The current state of each cluster, and each cluster again when it changes. The age of its reports alone is not a change.',
    args: { name: t.arg.string({ description: 'Only this one.' }) },
    subscribe: (_root, { name }, { shownClusters }) => clusterChanges(shownClusters, name ?? undefined),
    resolve: (cluster) => cluster,
  }),
);

/** Each cluster, or only the one of this name, and again when its brief is another. */
export function clusterChanges(
  clusters: ShownClusters,
  name: ClusterName | undefined,
): AsyncIterableIterator<ClusterView> {
  const due = new Set(name === undefined ? clusters.names : [name]);
  const given = new Map<ClusterName, ClusterBrief>();
  return latest({
    start: (wake) =>
      clusters.subscribe((changed) => {
        for (const cluster of changed) if (name === undefined || cluster === name) due.add(cluster);
        wake();
      }),
    take() {
      for (const cluster of due) {
        due.delete(cluster);
        const shown = clusters.of(cluster);
        if (!shown) given.delete(cluster);
        else if (!areAlike(given.get(cluster), shown.brief)) {
          given.set(cluster, shown.brief);
          return shown.view;
        }
      }
      return undefined;
    },
  });
}
