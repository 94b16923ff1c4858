/** A token as stored: its secret only as a SHA-256 hash, in hex. Single use, short-lived, for one cluster name. */
export interface JoinToken {
  readonly kind: 'joinToken';
  readonly id: string;
  readonly cluster: string;
  readonly secretHash: string;
  /** Epoch milliseconds, and who made it; absent in tokens of an older hub. */
  readonly createdAt?: number | undefined;
  readonly createdBy?: string | undefined;
  readonly expiresAt: number;
  readonly usedAt: number | undefined;
  /** SHA-256 of the key that it let in, in hex: only that one is answered again, should the first answer be lost. */
  readonly usedBy: string | undefined;
  /** The membership that it gave: the token answers again only as long as that one lasts. */
  readonly membership: string | undefined;
  /** Namespaces that the cluster may host; undefined: what the cluster was allowed before, or all. Never empty. */
  readonly namespaces: readonly string[] | undefined;
  /** The network that the cluster is admitted for; undefined: the one it had, or its own (see `Cluster.network`). */
  readonly network: string | undefined;
}
