import type { Failover } from '@isthmus/api/domain/failover.ts';
import { builder } from '../builder.ts';
import { globalId } from '../global-id.ts';
import type { Stored } from '../../store/store.ts';
import { scopeType } from './common.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

export const failoverView = ({ value, revision }: Pick<Stored<Failover>, 'value' | 'revision'>) => ({
  ...value,
  __typename: 'Failover',
  id: globalId('Failover', value.id),
  failoverId: value.id,
  revision,
});

export type FailoverView = ReturnType<typeof failoverView>;

export const failoverType = builder.objectRef<FailoverView>('Failover').implement({
  description:
    'A layer above the policies, with an owner, a reason and perhaps an end. It edits none of them.',
  interfaces: [nodeType],
  fields: (t) => ({
    failoverId: t.exposeID('failoverId'),
    cluster: t.string({
      nullable: true,
      resolve: ({ from }) => ('cluster' in from ? from.cluster : undefined),
    }),
    region: t.string({ nullable: true, resolve: ({ from }) => ('region' in from ? from.region : undefined) }),
    clusters: t.exposeStringList('clusters', { description: 'That are left.' }),
    services: t.exposeStringList('services'),
    percent: t.exposeInt('percent'),
    percentLeft: t.int({
      nullable: true,
      description:
        'While it is being undone, the share that has not returned yet. Null while it is in force.',
      resolve: ({ returning }) => returning?.left,
    }),
    scope: t.expose('scope', { type: scopeType }),
    owner: t.exposeString('owner'),
    reason: t.exposeString('reason'),
    revision: t.exposeInt('revision', { description: 'For expectedRevision of undoFailover.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
  }),
});

export const failoverConnection = connectionOf('Failover', failoverType);
