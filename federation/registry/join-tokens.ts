import { createHash } from 'node:crypto';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { isLabel, nameRule, refuse } from '../command/refuse.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

const minute = 60_000;

export const longestLifetime = 24 * 60 * minute;

export interface CreateJoinToken {
  readonly cluster: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

export interface CreatedToken {
  readonly id: string;
  readonly cluster: string;
  readonly expiresAt: number;
  readonly token: string | null;
}

/** A token for one cluster name: single use, short-lived, pinning the hub. Its secret is told once. */
export const createJoinToken: Command<CreateJoinToken, CreatedToken> = {
  name: 'createJoinToken',
  decide(snapshot, { cluster, lifetime }, context) {
    if (!isLabel(cluster)) return refuse('INVALID', 'cluster', `a cluster's name ${nameRule}`);
    if (lifetime < minute || lifetime > longestLifetime)
      return refuse('INVALID', 'lifetimeSeconds', 'a token lives for 60 seconds to 24 hours');
    if (snapshot.intent.clusters.get(cluster)?.value.admission === 'ADMITTED')
      return refuse(
        'CONFLICT',
        'cluster',
        `${cluster} is a member already: remove it first, or use another name`,
      );
    const secret = context.newSecret();
    const token = {
      kind: 'joinToken' as const,
      id: context.newId(),
      cluster,
      secretHash: sha256(secret),
      expiresAt: context.now + lifetime,
      usedAt: undefined,
    };
    const payload = { id: token.id, cluster, expiresAt: token.expiresAt, token: null };
    const shownOnce = { token: tokenText(snapshot, cluster, secret, token.expiresAt) };
    return ok({
      subject: `cluster/${cluster}`,
      writes: [{ put: token, id: token.id, expected: 0 }],
      payload,
      shownOnce,
      warnings: [],
    });
  },
};

function tokenText(
  { settings }: FederationSnapshot,
  cluster: string,
  secret: string,
  expiresAt: number,
): string {
  const ticket = {
    cluster,
    secret,
    expiresAt,
    caHash: settings.linkCaHash,
    joinEndpoints: settings.joinEndpoints,
  };
  return `isthmus-join.v1.${Buffer.from(JSON.stringify(ticket)).toString('base64url')}`;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface Join {
  readonly cluster: string;
  readonly secret: string;
}

/** A cluster becomes a member by a token: used up in the same commit, so two that race do not both get in. */
export const join: Command<Join, { cluster: string }> = {
  name: 'join',
  decide(snapshot, { cluster, secret }, { now }) {
    const hash = sha256(secret);
    const stored = [...snapshot.intent.joinTokens.values()].find(({ value }) => value.secretHash === hash);
    if (!stored)
      return refuse(
        'TOKEN_UNKNOWN',
        'token',
        'this hub has not issued that token: create a new one with isthmus token',
      );
    const token = stored.value;
    if (token.cluster !== cluster)
      return refuse(
        'TOKEN_OTHER_CLUSTER',
        'cluster',
        `the token is for cluster '${token.cluster}', not '${cluster}'`,
      );
    if (token.usedAt !== undefined)
      return refuse(
        'TOKEN_USED',
        'token',
        'the token has been used: each cluster joins with a token of its own',
      );
    if (token.expiresAt <= now)
      return refuse('TOKEN_EXPIRED', 'token', 'the token has expired: create a new one with isthmus token');
    const before = snapshot.intent.clusters.get(cluster);
    if (before?.value.admission === 'ADMITTED')
      return refuse('CONFLICT', 'cluster', `${cluster} is a member already`);
    const admitted: Cluster = {
      kind: 'cluster',
      name: cluster,
      admission: 'ADMITTED',
      trustDomain: snapshot.settings.trustDomain,
      joinedAt: now,
      // A cluster comes back with the drain it left with.
      ...{ drainPercent: before?.value.drainPercent ?? 0, drainScope: before?.value.drainScope ?? 'ALL' },
      drainDeadline: before?.value.drainDeadline,
    };
    const writes = [
      { put: { ...token, usedAt: now }, id: token.id, expected: stored.revision },
      { put: admitted, id: cluster, expected: before?.revision ?? 0 },
    ];
    return ok({ subject: `cluster/${cluster}`, writes, payload: { cluster }, warnings: [] });
  },
};
