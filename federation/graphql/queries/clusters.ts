import { builder } from '../builder.ts';
import { pageOfKeys } from '../pages.ts';
import { needs } from '../roles.ts';
import { clusterConnection, clusterType, clusterView } from '../types/cluster.ts';
import { pageArguments } from '../types/connection.ts';

builder.queryFields((t) => ({
  clusters: t.field({
    ...needs('ADMIN'),
    type: clusterConnection,
    args: pageArguments,
    resolve: (_root, args, { snapshot }) =>
      pageOfKeys(snapshot.index.clusters, '', args, (name) => {
        const stored = snapshot.intent.clusters.get(name);
        return stored && clusterView(snapshot, stored);
      }),
  }),
  cluster: t.field({
    ...needs('ADMIN'),
    type: clusterType,
    nullable: true,
    args: { name: t.arg.string({ required: true }) },
    resolve: (_root, { name }, { snapshot }) => {
      const stored = snapshot.intent.clusters.get(name);
      return stored && clusterView(snapshot, stored);
    },
  }),
}));
