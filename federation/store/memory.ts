import { emptyBody, type AuditBody, type AuditHead, type AuditRecord } from './audit.ts';
import { AuditLog, headOfAttempt, headOfChange, type AuditLimits } from './audit-log.ts';
import { Ledger } from './ledger.ts';
import { HeldLeadership } from './held-leadership.ts';
import type { Change, Commit, CommitResult, Store, StoredReport } from './store.ts';
import { Watchers } from './watchers.ts';

/** A store that is gone with its process: for tests. */
export function memoryStore(limits?: AuditLimits): Store {
  const ledger = new Ledger();
  const watchers = new Watchers();
  const reports = new Map<string, Map<string, StoredReport>>();
  const log = new AuditLog(limits);
  const bodies = new Map<number, string>();
  let leadership: HeldLeadership | undefined;
  const append = (entry: Omit<AuditHead, 'number'>, body: AuditBody): number => {
    const text = JSON.stringify(body);
    const { head, drop } = log.append(entry, Buffer.byteLength(text));
    bodies.set(head.number, text);
    for (const number of drop) bodies.delete(number);
    return head.number;
  };
  return {
    problem: undefined,
    read: () => Promise.resolve(ledger.contents()),
    commit(commit) {
      const { system = false, body = emptyBody } = commit.detail ?? {};
      const result = commitTo(ledger, commit, (change) => void append(headOfChange(change, system), body));
      if (result.kind === 'committed') watchers.wake();
      return Promise.resolve(result);
    },
    changes: (after, signal) => watchers.follow(() => ledger, after, signal),
    audit(query) {
      const { heads, total, more } = log.find(query);
      const records = heads.map((head): AuditRecord => ({
        ...head,
        ...(JSON.parse(bodies.get(head.number) ?? '{}') as AuditBody),
      }));
      return Promise.resolve({ records, total, more });
    },
    record: (attempt) => append(headOfAttempt(attempt, ledger.revision), attempt.body),
    recount: (number, count, lastAt) => void log.recount(number, count, lastAt),
    byIdempotencyKey: (actor, key) => Promise.resolve(ledger.byIdempotencyKey(actor, key)),
    saveReports(all, asOf) {
      for (const { cluster, rows } of all) {
        const held = reports.get(cluster) ?? new Map<string, StoredReport>();
        reports.set(cluster, held);
        for (const { type, name, resource } of rows)
          if (resource) held.set(`${type} ${name}`, { cluster, type, name, ...resource, asOf });
          else held.delete(`${type} ${name}`);
      }
      return Promise.resolve();
    },
    reportedClusters: () =>
      Promise.resolve([...reports].flatMap(([cluster, held]) => (held.size > 0 ? [cluster] : []))),
    readReports: (cluster) => Promise.resolve([...(reports.get(cluster)?.values() ?? [])]),
    forgetReports: (cluster) => Promise.resolve(void reports.delete(cluster)),
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

function commitTo(ledger: Ledger, commit: Commit, done: (change: Change) => void): CommitResult {
  const change = ledger.prepare(commit);
  if ('kind' in change) return change;
  ledger.apply(change, commit.fence);
  done(change);
  return { kind: 'committed', revision: change.revision, durable: false };
}
