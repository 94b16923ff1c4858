import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import type { KeptHead } from './audit-log.ts';
import type { Attempt } from './audit.ts';
import { auditTable, auditWriter, loadAudit, readAudit, type AuditWrite } from './sqlite-audit.ts';
import {
  fillReports,
  readReports,
  reportedClusters,
  reportsTable,
  reportsWriter,
  type ReportsWrite,
} from './sqlite-reports.ts';
import { rowOf, rowsOf } from './sqlite-rows.ts';
import { LeftAttempts, leftTable, type LeftAttempt } from './sqlite-left.ts';
import type { Change, Epoch, Stored, StoredReport } from './store.ts';

// The only file that speaks SQLite, beside the lock of a folder. It runs in a thread of its own, as node:sqlite is synchronous and a slow disk
// must stop no stream. Whatever has arrived when it gets to work is one transaction: group commit.
export type ToSqlite =
  | { readonly kind: 'change'; readonly change: Change; readonly audit?: AuditWrite }
  | { readonly kind: 'audit'; readonly audit: AuditWrite }
  /** From a hub that was replaced, for the one that replaced it. */
  | { readonly kind: 'leave'; readonly attempt: Attempt }
  /** Asks for bodies of the audit log. */
  | { readonly kind: 'read'; readonly id: number; readonly numbers: readonly number[] }
  /** `auditAfter`: the newest number of the audit log that is known there. */
  | { readonly kind: 'lead'; readonly above: Epoch; readonly auditAfter: number }
  | { readonly kind: 'reports'; readonly reports: readonly ReportsWrite[] }
  /** Asks for the clusters of which there are reports. */
  | { readonly kind: 'reportedClusters'; readonly id: number }
  /** Asks for all reports of one. */
  | { readonly kind: 'readReports'; readonly id: number; readonly cluster: string }
  | { readonly kind: 'close' };

export type FromSqlite =
  | {
      readonly kind: 'opened';
      readonly revision: number;
      readonly objects: readonly Stored[];
      readonly changes: readonly Change[];
    }
  | { readonly kind: 'leading'; readonly epoch: Epoch; readonly audit: readonly KeptHead[] }
  /** Attempts that another hub has left, each once. */
  | { readonly kind: 'left'; readonly attempts: readonly LeftAttempt[] }
  /** So many messages of kind `change` and `audit` are on disk. */
  | { readonly kind: 'durable'; readonly count: number }
  | { readonly kind: 'read'; readonly id: number; readonly bodies: ReadonlyMap<number, string> }
  | { readonly kind: 'reportedClusters'; readonly id: number; readonly clusters: readonly string[] }
  | { readonly kind: 'readReports'; readonly id: number; readonly reports: readonly StoredReport[] }
  | { readonly kind: 'fenced'; readonly epoch: Epoch }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'closed' };

const schemaVersion = 2;
/** Messages that write. */
const written: ReadonlySet<ToSqlite['kind']> = new Set(['change', 'audit', 'reports']);
/** How often it is looked whether another hub has taken an epoch. */
const lookEvery = 1000;
const { path, retention } = workerData as { path: string; retention: number };
const port = parentPort;
if (!port) throw new Error('sqlite-thread.ts runs as a worker thread');
const say = (message: FromSqlite) => port.postMessage(message);

/** The journal and the index beside it get the mode of the database. */
function makePrivate(): void {
  if (existsSync(path)) {
    for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) chmodSync(file, 0o600);
  } else closeSync(openSync(path, 'a', 0o600));
}

function open(): DatabaseSync {
  makePrivate();
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
  const { integrity_check: check } = rowOf(
    { integrity_check: 'TEXT' },
    db.prepare('PRAGMA integrity_check').get(),
  );
  if (check !== 'ok') throw new Error(`the database is damaged: ${check}; restore a backup`);
  const { user_version: version } = rowOf(
    { user_version: 'INTEGER' },
    db.prepare('PRAGMA user_version').get(),
  );
  if (version > schemaVersion)
    throw new Error(`the database was written by a newer version (schema ${version})`);
  db.exec(`
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, id TEXT NOT NULL, revision INTEGER NOT NULL, value TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS changes (revision INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
    ${reportsTable}
    ${auditTable}
    ${leftTable}
`);
  if (version < schemaVersion) fillReports(db);
  db.exec(`PRAGMA user_version = ${schemaVersion};`);
  return db;
}

function takeEpoch(db: DatabaseSync, above: Epoch, loaded: number): Epoch {
  db.exec('BEGIN IMMEDIATE');
  const { newest } = rowOf(
    { newest: 'INTEGER?' },
    db.prepare('SELECT max(revision) AS newest FROM changes').get(),
  );
  if ((newest ?? loaded) !== loaded)
    throw new Error(`another process has written revision ${newest} since this one read ${loaded}`);
  const epoch = Math.max(epochOf(db), above) + 1;
  db.prepare(
    "INSERT INTO meta VALUES ('epoch', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  ).run(epoch);
  db.exec('COMMIT');
  return epoch;
}

/** 0 before the first. */
const epochOf = (db: DatabaseSync): Epoch =>
  rowOf(
    { epoch: 'INTEGER' },
    db.prepare("SELECT coalesce(max(value), 0) AS epoch FROM meta WHERE key = 'epoch'").get(),
  ).epoch;

function load(db: DatabaseSync): Extract<FromSqlite, { kind: 'opened' }> {
  const objects = rowsOf(
    { id: 'TEXT', revision: 'INTEGER', value: 'TEXT' },
    db.prepare('SELECT id, revision, value FROM objects').all(),
  );
  const changes = rowsOf({ body: 'TEXT' }, db.prepare('SELECT body FROM changes ORDER BY revision').all());
  const parsed = changes.map(({ body }) => JSON.parse(body) as Change);
  const stored = objects.map(({ id, revision, value }) => ({
    id,
    revision,
    value: JSON.parse(value) as Stored['value'],
  }));
  const revision = parsed.at(-1)?.revision ?? Math.max(0, ...stored.map((one) => one.revision));
  return {
    kind: 'opened',
    revision,
    objects: stored,
    changes: parsed,
  };
}

/** What one message writes, within a transaction. */
function writer(db: DatabaseSync): (one: ToSqlite) => void {
  const putObject = db.prepare(
    'INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value',
  );
  const dropObject = db.prepare('DELETE FROM objects WHERE key = ?');
  const putChange = db.prepare('INSERT INTO changes VALUES (?, ?)');
  const trim = db.prepare('DELETE FROM changes WHERE revision <= ?');
  const report = reportsWriter(db);
  const audit = auditWriter(db);

  const write = (change: Change) => {
    for (const one of change.writes)
      if ('put' in one)
        putObject.run(`${one.put.kind}/${one.id}`, one.id, change.revision, JSON.stringify(one.put));
      else dropObject.run(`${one.remove}/${one.id}`);
    putChange.run(change.revision, JSON.stringify(change));
    if (change.revision % 1000 === 0) trim.run(change.revision - retention);
  };
  return (one) => {
    if (one.kind === 'change') write(one.change);
    if (one.kind === 'change' || one.kind === 'audit') {
      if (one.audit) audit(one.audit);
    } else if (one.kind === 'reports') one.reports.forEach(report);
  };
}

function answerRead(db: DatabaseSync, one: ToSqlite): void {
  if (one.kind === 'read')
    say(attempt(() => ({ kind: 'read', id: one.id, bodies: readAudit(db, one.numbers) })));
  else if (one.kind === 'reportedClusters')
    say(attempt(() => ({ kind: 'reportedClusters', id: one.id, clusters: reportedClusters(db) })));
  else if (one.kind === 'readReports')
    say(attempt(() => ({ kind: 'readReports', id: one.id, reports: readReports(db, one.cluster) })));
}

function run(db: DatabaseSync, loaded: number): void {
  const write = writer(db);
  const left = new LeftAttempts(db);
  let waiting: ToSqlite[] = [];
  /** Undefined until it was asked for: nothing is written without. */
  let epoch: Epoch | undefined;
  /** Read or written here. */
  let newest = loaded;
  /** Nothing is written any more: what is sent after this rests on commits that are not there. */
  let stopped = false;
  const transaction = (batch: readonly ToSqlite[]): FromSqlite => {
    db.exec('BEGIN IMMEDIATE');
    const current = epochOf(db);
    if (current !== epoch) return { kind: 'fenced', epoch: current };
    batch.forEach(write);
    db.exec('COMMIT');
    const changes = batch.flatMap((one) => (one.kind === 'change' ? [one.change.revision] : []));
    newest = changes.at(-1) ?? newest;
    const audits = batch.filter(({ kind }) => kind === 'audit');
    return { kind: 'durable', count: changes.length + audits.length };
  };
  const settle = (work: () => FromSqlite) => {
    const outcome = attempt(work);
    stopped = outcome.kind === 'fenced' || outcome.kind === 'failed';
    if (db.isTransaction) db.exec('ROLLBACK');
    say(outcome);
  };
  const lead = (above: Epoch, auditAfter: number) =>
    settle(() => {
      epoch = takeEpoch(db, above, newest);
      systemClock.after(lookEvery, look);
      return { kind: 'leading', epoch, audit: loadAudit(db, auditAfter) };
    });
  /** One that writes nothing must hear too that it was replaced. */
  const look = () => {
    if (stopped || !db.isOpen) return;
    const now = attempt(() => ({ kind: 'leading', epoch: epochOf(db), audit: [] }));
    if (now.kind !== 'leading' || now.epoch !== epoch)
      settle(() => (now.kind === 'leading' ? { kind: 'fenced', epoch: now.epoch } : now));
    else say(attempt(() => ({ kind: 'left', attempts: left.found() })));
    systemClock.after(lookEvery, look);
  };
  const flush = () => {
    const batch = waiting;
    waiting = [];
    const asked = batch.find((one) => one.kind === 'lead');
    if (asked && !stopped) lead(asked.above, asked.auditAfter);
    if (!stopped && batch.some(({ kind }) => written.has(kind))) settle(() => transaction(batch));
    left.leave(batch.flatMap((one) => (one.kind === 'leave' ? [one.attempt] : [])));
    for (const one of batch) answerRead(db, one);
    if (batch.some(({ kind }) => kind === 'close')) {
      db.close();
      say({ kind: 'closed' });
      port?.close();
    }
  };
  port?.on('message', (message: ToSqlite) => {
    if (waiting.push(message) === 1) setImmediate(flush);
  });
}

function attempt(work: () => FromSqlite): FromSqlite {
  try {
    return work();
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

say(
  attempt(() => {
    const db = open();
    const opened = load(db);
    run(db, opened.revision);
    return opened;
  }),
);
