/** Long work that someone started and others watch. */
export interface Operation {
  readonly kind: 'operation';
  readonly id: string;
  readonly type:
    'EXECUTE_FAILOVER' | 'UNDO_FAILOVER' | 'DRAIN_CLUSTER' | 'UNDRAIN_CLUSTER' | 'REVOKE_CLUSTER';
  readonly state: 'RUNNING' | 'DONE' | 'FAILED';
  readonly subject: string;
  /** Clusters that must apply it, and those that have. */
  readonly clusters: readonly string[];
  readonly appliedBy: readonly string[];
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  readonly message: string;
}
