import { isLabel, labelRule } from '@isthmus/api/domain/names.ts';
import { createHash } from 'node:crypto';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import { err, ok } from '@isthmus/mesh/result.ts';
import type { Command, UserError } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refusal, refuse } from '../command/refuse.ts';
import type { Membership } from './agent.ts';
import { wrongNamespaces } from './namespaces.ts';
import { holderOf, stillOwn, wrongNetwork } from './network.ts';
import { warning } from '../command/warning.ts';
import type { AddressUnknown, OutsideAddresses } from '../outside/outside.ts';
import { tokensOf } from '../state/join-tokens.ts';
import type { Now } from '../state/now.ts';
import type { Stored, Write } from '../store/store.ts';
import { auditSubject } from '../command/audit-subject.ts';

const minute = 60_000;

export const longestLifetime = 24 * 60 * minute;

export interface CreateJoinToken {
  readonly cluster: string;
  /** Milliseconds. */
  readonly lifetime: number;
  readonly namespaces?: readonly string[] | undefined;
  readonly network?: string | undefined;
}

export interface CreatedToken {
  readonly id: string;
  readonly cluster: string;
  readonly expiresAt: number;
  readonly token: string | null;
}

/**
 * A token for one cluster name: single use, short-lived, pinning the hub. Its secret is shown once. A cluster that is
 * not known yet is known from now on, as PENDING.
 */
export const createJoinToken: Command<CreateJoinToken, CreatedToken> = {
  name: 'createJoinToken',
  subject: ({ cluster }) => auditSubject('cluster', cluster),
  decide(snapshot, { cluster, lifetime, namespaces, network }, context) {
    if (!isLabel(cluster)) return refuse('INVALID', 'cluster', `a cluster's name ${labelRule}`);
    const wrong = [...wrongNamespaces(namespaces), ...wrongNetwork(network)];
    if (wrong.length > 0) return err(wrong);
    if (lifetime < minute || lifetime > longestLifetime)
      return refuse('INVALID', 'lifetimeSeconds', 'a token lives for 60 seconds to 24 hours');
    const known = snapshot.intent.clusters.get(cluster);
    const stale = checkRevision(context, known?.revision ?? 0, `cluster ${cluster}`);
    if (stale) return { ok: false, error: [stale] };
    const { outside } = snapshot;
    if (!outside.ok) return refuse('HUB_ADDRESS_UNKNOWN', '', addressUnknown(outside.error));
    const secret = context.newSecret();
    const token = {
      kind: 'joinToken' as const,
      id: context.newId(),
      cluster,
      secretHash: sha256(secret),
      createdAt: context.now,
      createdBy: context.actor,
      expiresAt: context.now + lifetime,
      usedAt: undefined,
      usedBy: undefined,
      membership: undefined,
      namespaces,
      network,
    };
    const pending = {
      put: { ...pendingCluster(cluster, snapshot), namespaces, network },
      id: cluster,
      expected: 0,
    };
    const payload = { id: token.id, cluster, expiresAt: token.expiresAt, token: null };
    const shownOnce = {
      token: tokenText(snapshot, outside.value, { cluster, secret, expiresAt: token.expiresAt }),
    };
    return ok({
      subject: auditSubject('cluster', cluster),
      writes: [{ put: token, id: token.id, expected: 0 }, ...(known ? [] : [pending])],
      payload,
      shownOnce,
      warnings: [
        ...replacesAgent(known?.value),
        ...sharedNetwork(snapshot, cluster, network),
        ...unresolved(outside.value),
      ],
    });
  },
};

/** A member that has lost its state, or is to be installed again, joins again by a token as any other. */
const replacesAgent = (cluster: Cluster | undefined) =>
  cluster?.admission === 'ADMITTED'
    ? [
        warning(
          'REPLACES_AGENT',
          'cluster',
          `${cluster.name} is a member: when this token is used, the link of its present agent ends; its certificates and services stay`,
        ),
      ]
    : [];

const addressUnknown = ({ message, remedy }: AddressUnknown): string =>
  `a token names where the hub is reached, and that is not known: ${message}; ${remedy}`;

/** The name may be one that only others can resolve, or that will be there in a minute. */
const unresolved = ({ unresolved: names }: OutsideAddresses) =>
  names.map((name) =>
    warning(
      'ADDRESS_UNRESOLVED',
      '',
      `the hub is named ${name} in the token, which it cannot resolve itself: check that the cluster can`,
    ),
  );

/** An operator may admit two clusters for one network; by an oversight it would let one answer for the other. */
function sharedNetwork(snapshot: Now, cluster: string, network: string | undefined) {
  const holder = network === undefined ? undefined : holderOf(snapshot, network, cluster);
  return holder
    ? [
        warning(
          'NETWORK_SHARED',
          'network',
          `network '${network}' is that of ${holder.name} too: gateways of either cluster then serve clients of both`,
        ),
      ]
    : [];
}

const pendingCluster = (name: string, { settings }: Now): Cluster => ({
  kind: 'cluster',
  name,
  admission: 'PENDING',
  membership: '',
  joinedAt: undefined,
  trustDomain: settings.trustDomain,
  drainPercent: 0,
  drainScope: 'ALL',
  drainDeadline: undefined,
  namespaces: undefined,
  network: undefined,
});

/** Takes back the tokens of a cluster that are still there: who is sent away comes back by none of them. */
export const voidTokens = (now: Now, cluster: string): readonly Write[] =>
  tokensOf(now, cluster).map(({ id, revision }) => ({ remove: 'joinToken', id, expected: revision }));

function tokenText(
  { settings }: Now,
  outside: OutsideAddresses,
  { cluster, secret, expiresAt }: { cluster: string; secret: string; expiresAt: number },
): string {
  const ticket = {
    cluster,
    secret,
    expiresAt,
    caHash: settings.linkCaHash,
    joinEndpoints: outside.join,
  };
  return `isthmus-join.v1.${Buffer.from(JSON.stringify(ticket)).toString('base64url')}`;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface Join {
  readonly cluster: string;
  readonly secret: string;
  /** SHA-256 of the key that asks, in hex. */
  readonly key: string;
}

/**
 * A cluster becomes a member by a token: used up in the same commit, so two that race do not both get in. The key that
 * it let in is let in again as long as the token would have lived, as an answer may be lost on its way.
 */
export const join: Command<Join, Membership> = {
  name: 'join',
  decide(snapshot, { cluster, secret, key }, { now, newId }) {
    const stored = tokenWith(snapshot, secret);
    if (!stored)
      return refuse(
        'TOKEN_UNKNOWN',
        'token',
        'this hub has not issued that token, or has taken it back: create a new one with isthmus token',
      );
    const token = stored.value;
    const useless = whyUseless(token, { cluster, key }, now);
    if (useless) return { ok: false, error: [useless] };
    const before = snapshot.intent.clusters.get(cluster);
    const subject = auditSubject('cluster', cluster);
    // Its first answer was lost. Once the cluster has joined by another token, this one is over.
    if (token.usedAt !== undefined) {
      const member = before?.value.admission === 'ADMITTED' ? before.value.membership : undefined;
      if (member === undefined || member !== token.membership) return err([usedUp]);
      const payload = { cluster, membership: member };
      return ok({ subject, writes: [], payload, warnings: [] });
    }
    const membership = newId();
    // A cluster comes back with the drain and the namespaces that it left with.
    const known = before?.value ?? pendingCluster(cluster, snapshot);
    const admitted: Cluster = {
      ...known,
      admission: 'ADMITTED',
      membership,
      joinedAt: now,
      trustDomain: snapshot.settings.trustDomain,
      namespaces: token.namespaces ?? known.namespaces,
      network: token.network ?? stillOwn(snapshot, known),
    };
    const writes = [
      { put: { ...token, usedAt: now, usedBy: key, membership }, id: token.id, expected: stored.revision },
      { put: admitted, id: cluster, expected: before?.revision ?? 0 },
    ];
    return ok({ subject, writes, payload: { cluster, membership }, warnings: [] });
  },
};

const usedUp = refusal(
  'TOKEN_USED',
  'token',
  'the token has been used: each cluster joins with a token of its own, create a new one with isthmus token',
);

/** Why this token lets that cluster's agent in no more, or never did. */
function whyUseless(
  token: JoinToken,
  { cluster, key }: Pick<Join, 'cluster' | 'key'>,
  now: number,
): UserError | undefined {
  if (token.cluster !== cluster)
    return refusal(
      'TOKEN_OTHER_CLUSTER',
      'cluster',
      `the token is for cluster '${token.cluster}', not '${cluster}'`,
    );
  if (token.usedAt !== undefined && token.usedBy !== key) return usedUp;
  if (token.expiresAt <= now)
    return refusal('TOKEN_EXPIRED', 'token', 'the token has expired: create a new one with isthmus token');
  return undefined;
}

function tokenWith({ intent, index }: Now, secret: string): Stored<JoinToken> | undefined {
  const id = index.joinTokens.withHash(sha256(secret));
  return id === undefined ? undefined : intent.joinTokens.get(id);
}
