import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
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
import { remedyOf } from './passing-failure.ts';
import { rowOf, rowsOf } from './sqlite-rows.ts';
import { LeftAttempts, leftTable, type LeftAttempt } from './sqlite-left.ts';
import type { Change, Epoch, Stored, StoredReport } from './store.ts';
import { UnsavedReports } from './unsaved-reports.ts';

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
  /**
   * After a failure: what was sent before this rests on commits that are not there, and what follows does not. It is tried
   * in a second. `revision`: the newest that is known to be on disk.
   */
  | { readonly kind: 'recover'; readonly revision: number }
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
  /** `remedy`: nothing was written, and what follows can be once this is done; undefined: the hub has to start again. */
  | { readonly kind: 'failed'; readonly message: string; readonly remedy: string | undefined }
  /** It can be written again. The whole log, as it is on disk. */
  | { readonly kind: 'recovered'; readonly audit: readonly KeptHead[] }
  | { readonly kind: 'closed' };

const schemaVersion = 2;
/** Messages that write. */
const written: ReadonlySet<ToSqlite['kind']> = new Set(['change', 'audit', 'reports']);
/** How often it is looked whether another hub has taken an epoch. */
const lookEvery = 1000;
/** What failed and may pass is tried again after this. */
const recoverAfter = 1000;
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
  mustBeAt(db, loaded);
  const epoch = Math.max(epochOf(db), above) + 1;
  db.prepare(
    "INSERT INTO meta VALUES ('epoch', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  ).run(epoch);
  db.exec('COMMIT');
  return epoch;
}

/** Throws where the database has another revision than is known here. */
function mustBeAt(db: DatabaseSync, known: number): void {
  const { newest } = rowOf(
    { newest: 'INTEGER?' },
    db.prepare('SELECT max(revision) AS newest FROM changes').get(),
  );
  if ((newest ?? known) !== known)
    throw new Error(`another process has written revision ${newest} since this one read ${known}`);
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

/** What the thread does with messages, in turns: what has come when a turn begins is one transaction. */
class Turns {
  readonly #db: DatabaseSync;
  readonly #write: (one: ToSqlite) => void;
  readonly #probe: StatementSync;
  readonly #left: LeftAttempts;
  readonly #unsaved = new UnsavedReports();
  #waiting: ToSqlite[] = [];
  /** Undefined until it was asked for: nothing is written without. */
  #epoch: Epoch | undefined;
  /** Read or written here. */
  #newest: number;
  /** Unless it works nothing is written: what is sent after a failure rests on commits that are not there. */
  #state: 'WORKS' | 'FAILED' | 'FENCED' = 'WORKS';
  #tries = 0;
  /** The newest revision that the other side knows, which waits for a recovery. */
  #knownThere: number | undefined;

  constructor(db: DatabaseSync, loaded: number) {
    this.#db = db;
    this.#write = writer(db);
    this.#probe = db.prepare(
      "INSERT INTO meta VALUES ('recovered', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    );
    this.#left = new LeftAttempts(db);
    this.#newest = loaded;
  }

  add(message: ToSqlite): void {
    if (this.#waiting.push(message) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    const asked = batch.find((one) => one.kind === 'lead');
    if (asked && this.#state === 'WORKS') this.#lead(asked.above, asked.auditAfter);
    if (this.#state === 'WORKS' && batch.some(({ kind }) => written.has(kind)))
      this.#settle(() => this.#transaction(batch));
    for (const one of batch) if (one.kind === 'recover') this.#failedThere(one.revision);
    if (this.#state === 'FAILED')
      for (const one of batch) if (one.kind === 'reports') this.#unsaved.add(one.reports);
    this.#left.leave(batch.flatMap((one) => (one.kind === 'leave' ? [one.attempt] : [])));
    for (const one of batch) answerRead(this.#db, one);
    if (batch.some(({ kind }) => kind === 'close')) close(this.#db);
  }

  #transaction(batch: readonly ToSqlite[]): FromSqlite {
    this.#db.exec('BEGIN IMMEDIATE');
    const current = epochOf(this.#db);
    if (current !== this.#epoch) return { kind: 'fenced', epoch: current };
    batch.forEach(this.#write);
    this.#db.exec('COMMIT');
    const changes = batch.flatMap((one) => (one.kind === 'change' ? [one.change.revision] : []));
    this.#newest = changes.at(-1) ?? this.#newest;
    const audits = batch.filter(({ kind }) => kind === 'audit');
    return { kind: 'durable', count: changes.length + audits.length };
  }

  #settle(work: () => FromSqlite): void {
    const outcome = attempt(work);
    const states = { fenced: 'FENCED', failed: 'FAILED' } as const;
    this.#state = outcome.kind === 'fenced' || outcome.kind === 'failed' ? states[outcome.kind] : 'WORKS';
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    say(outcome);
  }

  #failedThere(known: number): void {
    if (this.#state === 'FENCED') return;
    this.#state = 'FAILED';
    if (this.#knownThere === undefined) systemClock.after(recoverAfter, () => this.#recover());
    this.#knownThere = known;
  }

  #recover(): void {
    const known = this.#knownThere;
    this.#knownThere = undefined;
    if (known === undefined || this.#state === 'FENCED' || !this.#db.isOpen) return;
    this.#newest = known;
    const probe = () => void this.#probe.run(++this.#tries);
    const around = { known, epoch: this.#epoch, unsaved: this.#unsaved, write: this.#write, probe };
    this.#settle(() => recovered(this.#db, around));
  }

  #lead(above: Epoch, auditAfter: number): void {
    this.#settle(() => {
      const epoch = takeEpoch(this.#db, above, this.#newest);
      this.#epoch = epoch;
      systemClock.after(lookEvery, () => this.#look());
      return { kind: 'leading', epoch, audit: loadAudit(this.#db, auditAfter) };
    });
  }

  /** One that writes nothing must hear too that it was replaced. */
  #look(): void {
    if (this.#state === 'FENCED' || !this.#db.isOpen) return;
    systemClock.after(lookEvery, () => this.#look());
    // A recovery looks for it, too.
    if (this.#state === 'FAILED') return;
    const now = attempt(() => ({ kind: 'leading', epoch: epochOf(this.#db), audit: [] }));
    if (now.kind !== 'leading') this.#settle(() => now);
    else if (now.epoch !== this.#epoch) this.#settle(() => ({ kind: 'fenced', epoch: now.epoch }));
    else say(attempt(() => ({ kind: 'left', attempts: this.#left.found() })));
  }
}

interface Recovering {
  /** The newest revision that is known on the other side. */
  readonly known: number;
  readonly epoch: Epoch | undefined;
  readonly unsaved: UnsavedReports;
  readonly write: (one: ToSqlite) => void;
  /** Writes something. */
  readonly probe: () => void;
}

/** Whether it can be written again to what was known before the failure. What clusters reported meanwhile is written now. */
function recovered(db: DatabaseSync, { known, epoch, unsaved, write, probe }: Recovering): FromSqlite {
  db.exec('BEGIN IMMEDIATE');
  const current = epochOf(db);
  if (current !== epoch) return { kind: 'fenced', epoch: current };
  mustBeAt(db, known);
  probe();
  write({ kind: 'reports', reports: [...unsaved.writes()] });
  db.exec('COMMIT');
  unsaved.clear();
  return { kind: 'recovered', audit: loadAudit(db, 0) };
}

function close(db: DatabaseSync): void {
  db.close();
  say({ kind: 'closed' });
  port?.close();
}

function attempt(work: () => FromSqlite): FromSqlite {
  try {
    return work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', message, remedy: remedyOf(error) };
  }
}

say(
  attempt(() => {
    const db = open();
    const opened = load(db);
    const turns = new Turns(db, opened.revision);
    port.on('message', (message: ToSqlite) => turns.add(message));
    return opened;
  }),
);
