import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refuse } from '../command/refuse.ts';
import { warning } from '../command/warning.ts';
import { tokensOf } from '../state/join-tokens.ts';
import type { Stored, Write } from '../store/store.ts';
import { auditSubject } from '../command/audit-subject.ts';

/** One of the two: a token by its id, or all unused tokens of a cluster. */
export interface RevokeJoinToken {
  readonly id: string | undefined;
  readonly cluster: string | undefined;
}

export interface RevokedTokens {
  readonly tokens: readonly { readonly id: string; readonly cluster: string }[];
}

/** Ends join tokens before their time. A cluster that has joined stays a member: revokeCluster ends a membership. */
export const revokeJoinToken: Command<RevokeJoinToken, RevokedTokens> = {
  name: 'revokeJoinToken',
  subject: ({ id, cluster }) =>
    cluster === undefined ? auditSubject('joinToken', id ?? '') : auditSubject('cluster', cluster),
  decide(snapshot, { id, cluster }, context) {
    if ((id === undefined) === (cluster === undefined))
      return refuse('INVALID', 'id', 'give either id, for one token, or cluster, for all unused ones of it');
    const found =
      id === undefined
        ? tokensOf(snapshot, cluster ?? '').filter(({ value }) => value.usedAt === undefined)
        : [snapshot.intent.joinTokens.get(id) ?? []].flat();
    const [first] = found;
    if (!first)
      return id === undefined
        ? refuse('NOT_FOUND', 'cluster', `${cluster ?? ''} has no unused join token: isthmus token list`)
        : refuse('NOT_FOUND', 'id', `no join token '${id}' is known: isthmus token list`);
    const stale = found.map((one) => checkRevision(context, one.revision, `join token ${one.id}`));
    const [refused] = stale.filter((one) => one !== undefined);
    if (refused) return { ok: false, error: [refused] };
    return ok({
      subject: auditSubject('cluster', first.value.cluster),
      writes: found.map(({ id, revision }): Write => ({ remove: 'joinToken', id, expected: revision })),
      payload: { tokens: found.map(({ value }) => ({ id: value.id, cluster: value.cluster })) },
      warnings: found.flatMap(used),
    });
  },
};

/** A used token lets in only the key that it let in before. */
const used = ({ value }: Stored<JoinToken>) =>
  value.usedAt === undefined
    ? []
    : [
        warning(
          'TOKEN_USED',
          'id',
          `${value.cluster} has joined with this token and stays a member: isthmus revoke ${value.cluster} ends its membership`,
        ),
      ];
