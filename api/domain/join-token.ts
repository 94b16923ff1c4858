/** A token as stored: its secret only as a SHA-256 hash, in hex. Single use, short-lived, for one cluster name. */
export interface JoinToken {
  readonly kind: 'joinToken';
  readonly id: string;
  readonly cluster: string;
  readonly secretHash: string;
  readonly expiresAt: number;
  readonly usedAt: number | undefined;
  /** SHA-256 of the key that it let in, in hex: only that one is answered again, should the first answer be lost. */
  readonly usedBy: string | undefined;
}
