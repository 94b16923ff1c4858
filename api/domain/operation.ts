/** Long work that someone started and others watch. */
export interface Operation {
  readonly kind: 'operation';
  readonly id: string;
  readonly type:
    'EXECUTE_FAILOVER' | 'UNDO_FAILOVER' | 'DRAIN_CLUSTER' | 'UNDRAIN_CLUSTER' | 'REVOKE_CLUSTER';
  readonly state: 'RUNNING' | 'DONE' | 'FAILED';
  readonly subject: string;
  /** Clusters that must apply it, and those whose proxies all have, with the time at which the hub heard of it. */
  readonly clusters: readonly string[];
  readonly applied: readonly { readonly cluster: string; readonly at: number }[];
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  /** Why it failed. */
  readonly message: string;
}
