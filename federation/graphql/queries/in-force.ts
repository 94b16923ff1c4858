import { builder } from '../builder.ts';
import { newestFirst, page } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { drainConnection, drainView } from '../types/drain.ts';
import { failoverConnection, failoverView } from '../types/failover.ts';

builder.queryFields((t) => ({
  failovers: t.field({
    ...needs('ADMIN'),
    type: failoverConnection,
    description: 'Failovers that are in force or being undone, newest first.',
    args: { ...pageArguments, cluster: t.arg.string({ description: 'Only those that leave this cluster.' }) },
    resolve: (_root, { cluster, ...args }, { snapshot }) =>
      page(
        [...snapshot.intent.failovers.values()].filter(
          ({ value }) => cluster == null || value.clusters.includes(cluster),
        ),
        ({ id, value }) => newestFirst(value.createdAt, id),
        args,
        failoverView,
      ),
  }),
  drains: t.field({
    ...needs('ADMIN'),
    type: drainConnection,
    description: 'Drains that are in force, newest first. undrainCluster ends one.',
    args: pageArguments,
    resolve: (_root, args, { snapshot }) =>
      page(
        [...snapshot.intent.clusters.values()].filter(({ value }) => value.drainPercent > 0),
        ({ id, value }) => newestFirst(value.drainedBy?.at ?? 0, id),
        args,
        drainView,
      ),
  }),
}));
