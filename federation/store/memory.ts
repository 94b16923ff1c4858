import { Ledger } from './ledger.ts';
import type { Commit, CommitResult, Store } from './store.ts';
import { Watchers } from './watchers.ts';

/** A store that is gone with its process: for tests. */
export function memoryStore(): Store {
  const ledger = new Ledger();
  const watchers = new Watchers();
  const observed = new Map<string, Uint8Array>();
  let epoch = 0;
  return {
    read: () => Promise.resolve(ledger.contents()),
    commit: (commit) => Promise.resolve(commitTo(ledger, watchers, commit)),
    changes: (after, signal) => watchers.follow(() => ledger, after, signal),
    audit: (limit, before) => Promise.resolve(ledger.audit(limit, before)),
    byIdempotencyKey: (actor, key) => Promise.resolve(ledger.byIdempotencyKey(actor, key)),
    saveObserved: (cluster, shard) => Promise.resolve(void observed.set(cluster, shard)),
    readObserved: () => Promise.resolve(new Map(observed)),
    forgetObserved: (cluster) => Promise.resolve(void observed.delete(cluster)),
    nextEpoch: () => Promise.resolve(++epoch),
    close: () => Promise.resolve(),
  };
}

function commitTo(ledger: Ledger, watchers: Watchers, commit: Commit): CommitResult {
  const change = ledger.prepare(commit);
  if ('kind' in change) return change;
  ledger.apply(change, commit.fence);
  watchers.wake();
  return { kind: 'committed', revision: change.revision, durable: false };
}
