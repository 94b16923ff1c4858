import { builder } from '../builder.ts';
import { needs } from '../roles.ts';
import { clusterType, clusterView } from '../types/cluster.ts';
import { whenDifferent } from './moments.ts';

builder.subscriptionField('clusterChanged', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: clusterType,
    description: 'The current state of each cluster, and each cluster again when it changes.',
    args: { name: t.arg.string({ description: 'Only this one.' }) },
    subscribe: (_root, { name }, { live }) =>
      whenDifferent(live, () =>
        [...live.current.intent.clusters.values()]
          .filter(({ id }) => !name || id === name)
          .map((stored) => [stored.id, clusterView(live.current, stored)] as const),
      ),
    resolve: (cluster) => cluster,
  }),
);
