import type { CommitResult, Store } from '../store/store.ts';

/** How commits ended; `failed`: the store threw. */
export type CommitCounts = Record<CommitResult['kind'] | 'failed', number>;

/** A store that counts its commits. */
export function countedStore(store: Store): {
  readonly store: Store;
  readonly counts: Readonly<CommitCounts>;
} {
  const counts: CommitCounts = { committed: 0, conflict: 0, repeated: 0, fenced: 0, failed: 0 };
  return {
    counts,
    store: {
      get problem() {
        return store.problem;
      },
      async commit(commit) {
        try {
          const result = await store.commit(commit);
          counts[result.kind]++;
          return result;
        } catch (error) {
          counts.failed++;
          throw error;
        }
      },
      read: () => store.read(),
      changes: (after, signal) => store.changes(after, signal),
      audit: (query) => store.audit(query),
      record: (attempt) => store.record(attempt),
      recount: (...again) => store.recount(...again),
      byIdempotencyKey: (actor, key) => store.byIdempotencyKey(actor, key),
      saveReports: (all, asOf) => store.saveReports(all, asOf),
      reportedClusters: () => store.reportedClusters(),
      readReports: (cluster) => store.readReports(cluster),
      forgetReports: (cluster) => store.forgetReports(cluster),
      lead: (above) => store.lead(above),
      close: () => store.close(),
    },
  };
}
