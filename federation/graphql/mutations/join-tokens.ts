import { revokeJoinToken } from '../../registry/revoke-token.ts';
import { builder } from '../builder.ts';
import { localId } from '../global-id.ts';
import { needs } from '../roles.ts';
import { carryOut, commonInput, commonPayload, type CommonPayload } from './common.ts';

const admin = needs('ADMIN');

const revokeTokenInput = builder.inputType('RevokeJoinTokenInput', {
  description: 'Either id or cluster.',
  fields: (t) => ({
    id: t.id({ description: 'One token, by its global id or by tokenId.' }),
    cluster: t.string({ description: 'All unused tokens of this cluster.' }),
    ...commonInput(t),
  }),
});

const revokeTokenPayload = builder
  .objectRef<CommonPayload & { readonly tokenIds?: readonly string[] }>('RevokeJoinTokenPayload')
  .implement({
    fields: (t) => ({
      tokenIds: t.stringList({
        description: 'Of the tokens that were revoked.',
        resolve: ({ tokenIds }) => tokenIds ?? [],
      }),
      ...commonPayload(t),
    }),
  });

builder.mutationField('revokeJoinToken', (t) =>
  t.field({
    ...admin,
    type: revokeTokenPayload,
    description: 'Ends join tokens before their time. A cluster that has joined stays a member.',
    args: { input: t.arg({ type: revokeTokenInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const id = input.id == null ? undefined : localId('JoinToken', input.id);
      return carryOut(
        revokeJoinToken,
        { id, cluster: input.cluster ?? undefined },
        input,
        context,
        (payload) => ({
          tokenIds: payload.tokens.map((one) => one.id),
        }),
      );
    },
  }),
);
