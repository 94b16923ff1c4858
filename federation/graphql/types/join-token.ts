import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import type { Stored } from '../../store/store.ts';
import { builder } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

type State = 'VALID' | 'USED' | 'EXPIRED';

/** A token as it is shown: its secret is kept nowhere, and not even its hash is shown. `now` in epoch milliseconds. */
export const joinTokenView = ({ value, revision }: Stored<JoinToken>, now: number) => ({
  __typename: 'JoinToken',
  id: globalId('JoinToken', value.id),
  tokenId: value.id,
  state: ((): State =>
    value.usedAt !== undefined ? 'USED' : value.expiresAt <= now ? 'EXPIRED' : 'VALID')(),
  cluster: value.cluster,
  createdAt: value.createdAt,
  createdBy: value.createdBy ?? '',
  expiresAt: value.expiresAt,
  usedAt: value.usedAt,
  namespaces: value.namespaces,
  network: value.network,
  revision,
});

export type JoinTokenView = ReturnType<typeof joinTokenView>;

const stateType = builder.enumType('JoinTokenState', {
  values: {
    VALID: { description: 'A cluster can join with it.' },
    USED: { description: 'Its cluster has joined with it; it cannot be used again.' },
    EXPIRED: { description: 'It expired unused.' },
  },
});

const joinTokenType = builder.objectRef<JoinTokenView>('JoinToken').implement({
  description: 'A single-use token with which one cluster joins. Its secret is never shown again.',
  interfaces: [nodeType],
  fields: (t) => ({
    tokenId: t.exposeID('tokenId'),
    cluster: t.exposeString('cluster', { description: 'The name that the token is bound to.' }),
    state: t.expose('state', { type: stateType }),
    createdAt: t.expose('createdAt', { type: 'DateTime', nullable: true }),
    createdBy: t.exposeString('createdBy', { description: 'Who made it; empty when that is not known.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    usedAt: t.expose('usedAt', { type: 'DateTime', nullable: true }),
    namespaces: t.exposeStringList('namespaces', {
      nullable: true,
      description: 'That the cluster may host; null: those that it was allowed before, or all.',
    }),
    network: t.exposeString('network', {
      nullable: true,
      description: 'That the cluster is admitted for; null: the first one that its agent reports.',
    }),
    revision: t.exposeInt('revision', { description: 'For expectedRevision.' }),
  }),
});

export const joinTokenConnection = connectionOf('JoinToken', joinTokenType);
