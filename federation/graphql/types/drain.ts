import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { Stored } from '../../store/store.ts';
import { builder } from '../builder.ts';
import { scopeType } from './common.ts';
import { connectionOf } from './connection.ts';

/** The drain of a cluster, and who ordered it. */
export const drainView = ({ value, revision }: Stored<Cluster>) => ({
  cluster: value.name,
  percent: value.drainPercent,
  scope: value.drainScope,
  deadline: value.drainDeadline,
  since: value.drainedBy?.at,
  owner: value.drainedBy?.actor ?? '',
  reason: value.drainedBy?.reason ?? '',
  revision,
});

type DrainView = ReturnType<typeof drainView>;

const drainType = builder.objectRef<DrainView>('Drain').implement({
  description: 'A share of new connections that leaves a cluster until undrainCluster ends it.',
  fields: (t) => ({
    cluster: t.exposeString('cluster'),
    percent: t.exposeInt('percent', { description: 'Of new connections.' }),
    scope: t.expose('scope', { type: scopeType }),
    deadline: t.expose('deadline', {
      type: 'DateTime',
      nullable: true,
      description: 'When connections that are still open are closed; null if they are not.',
    }),
    since: t.expose('since', { type: 'DateTime', nullable: true }),
    owner: t.exposeString('owner', { description: 'Who ordered it; empty when that is not known.' }),
    reason: t.exposeString('reason'),
    revision: t.exposeInt('revision', { description: 'Of the cluster, for expectedRevision.' }),
  }),
});

export const drainConnection = connectionOf('Drain', drainType);
