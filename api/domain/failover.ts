import type { ServiceKey } from './names.ts';

export type FailoverFrom = { readonly cluster: string } | { readonly region: string };

export interface Failback {
  /** Of `percent`, how many hundredths are still away. */
  readonly left: number;
  /** Epoch milliseconds of the last step. */
  readonly steppedAt: number;
}

/** An executed failover: a layer above policies with an owner, a reason and perhaps an end. It edits no policy. */
export interface Failover {
  readonly kind: 'failover';
  readonly id: string;
  readonly from: FailoverFrom;
  /** Clusters that are left: those that were in `from` when it was planned. */
  readonly clusters: readonly string[];
  /** `<namespace>/<name>`, at least one. */
  readonly services: readonly ServiceKey[];
  readonly percent: number;
  readonly scope: 'ALL' | 'REMOTE';
  readonly owner: string;
  readonly reason: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  /** The failback, step by step, once the failover was undone; undefined while it is in force. Stored under this name. */
  readonly returning: Failback | undefined;
}
