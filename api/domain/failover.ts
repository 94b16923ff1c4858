export type FailoverFrom = { readonly cluster: string } | { readonly region: string };

/** An executed failover: a layer above policies with an owner, a reason and perhaps an end. It edits no policy. */
export interface Failover {
  readonly kind: 'failover';
  readonly id: string;
  readonly from: FailoverFrom;
  /** `<namespace>/<name>`; empty: every exported service. */
  readonly services: readonly string[];
  readonly percent: number;
  readonly scope: 'ALL' | 'REMOTE';
  readonly owner: string;
  readonly reason: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
}
