import { Ledger } from './ledger.ts';
import { HeldLeadership } from './held-leadership.ts';
import type { Commit, CommitResult, Store } from './store.ts';
import { Watchers } from './watchers.ts';

/** A store that is gone with its process: for tests. */
export function memoryStore(): Store {
  const ledger = new Ledger();
  const watchers = new Watchers();
  const observed = new Map<string, Uint8Array>();
  let leadership: HeldLeadership | undefined;
  return {
    problem: undefined,
    read: () => Promise.resolve(ledger.contents()),
    commit: (commit) => Promise.resolve(commitTo(ledger, watchers, commit)),
    changes: (after, signal) => watchers.follow(() => ledger, after, signal),
    audit: (limit, before) => Promise.resolve(ledger.audit(limit, before)),
    byIdempotencyKey: (actor, key) => Promise.resolve(ledger.byIdempotencyKey(actor, key)),
    saveObserved: (cluster, shard) => Promise.resolve(void observed.set(cluster, shard)),
    readObserved: () => Promise.resolve(new Map(observed)),
    forgetObserved: (cluster) => Promise.resolve(void observed.delete(cluster)),
    lead(above = 0) {
      const next = new HeldLeadership(Math.max(leadership?.epoch ?? 0, above) + 1);
      leadership?.end({ kind: 'fenced', by: next.epoch });
      leadership = next;
      ledger.lead(next.epoch);
      return Promise.resolve(next);
    },
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
