import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';

/** A member cluster as intent has it. Three separate facts; `state` is only derived for display. */
export interface Cluster {
  readonly kind: 'cluster';
  /** The name, unique; also the cluster id in SPIFFE link identities and xDS. RFC 1123 label, 1 to 63 characters. */
  readonly name: string;
  /** PENDING: a token was made for it and it has not joined yet. */
  readonly admission: 'PENDING' | 'ADMITTED' | 'REVOKED';
  /** Another one with each admission: link certificates of an earlier one are refused. '' before the first. */
  readonly membership: string;
  /** Share of new connections that moves away, 0 to 100. Survives everything. */
  readonly drainPercent: number;
  readonly drainScope: 'ALL' | 'REMOTE';
  /** Epoch milliseconds after which open connections of a drained cluster end; undefined: they stay. */
  readonly drainDeadline: number | undefined;
  /** Who drained it, why, and when (epoch milliseconds); absent while it is not drained. */
  readonly drainedBy?: { readonly actor: string; readonly reason: string; readonly at: number } | undefined;
  readonly trustDomain: TrustDomain;
  readonly joinedAt: number | undefined;
  /**
   * Namespaces whose identities this cluster's intermediates may vouch for; undefined: all. Never empty. Set by an
   * operator; what the cluster reports about itself is not evidence.
   */
  readonly namespaces: readonly string[] | undefined;
  /**
   * The network that the cluster was admitted for: the one that its join token names, otherwise the first one that its
   * agent reports and that no other cluster was admitted for. Once set it stays. undefined: not decided yet.
   */
  readonly network: string | undefined;
}

/** Whether the hub hears from the cluster's agent. Observed, never stored as intent. */
export type Link = { readonly kind: 'CONNECTED' } | { readonly kind: 'UNREACHABLE'; readonly since: number };

export type ClusterState = 'REVOKED' | 'UNREACHABLE' | 'DRAINED' | 'DRAINING' | 'ACTIVE' | 'PENDING';
