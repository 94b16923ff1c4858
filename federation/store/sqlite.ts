import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { HubError } from '../hub-error.ts';
import { emptyBody, type Attempt, type AuditBody, type AuditHead, type AuditQuery } from './audit.ts';
import { AuditLog, headOfAttempt, headOfChange, type AuditLimits, type KeptHead } from './audit-log.ts';
import { Ledger, retention } from './ledger.ts';
import type { AuditWrite } from './sqlite-audit.ts';
import type { LeftAttempt } from './sqlite-left.ts';
import type { FromSqlite, ToSqlite } from './sqlite-thread.ts';
import { HeldLeadership } from './held-leadership.ts';
import type {
  ClusterReports,
  Commit,
  CommitResult,
  Epoch,
  Leadership,
  Store,
  StoredReport,
} from './store.ts';
import { Watchers } from './watchers.ts';

/**
 * The embedded store: decisions in memory, durability in a file. A commit is answered and shown to watchers once it
 * is on disk. Throws STORE_FAILED when the file cannot be opened, and for every commit from a failed write on: until there
 * is room again where the disk was full, and otherwise until the store is opened again.
 */
export async function sqliteStore(path: string, limits?: AuditLimits): Promise<Store> {
  const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
    workerData: { path, retention },
  });
  const [opened] = (await once(worker, 'message')) as [FromSqlite];
  if (opened.kind !== 'opened') {
    await worker.terminate();
    throw new HubError(
      'STORE_FAILED',
      `${path}: ${opened.kind === 'failed' ? opened.message : 'did not open'}`,
    );
  }
  return new SqliteStore(worker, opened, path, limits);
}

/** `remedy`: what is done about it, after which it passes; undefined: it does not. */
type Failure = Pick<Extract<FromSqlite, { kind: 'failed' }>, 'message' | 'remedy'>;

/** Something that is on its way to the disk. */
interface Waiting {
  /** It is there: makes it visible. */
  readonly written: () => void;
  /** It is not, as another hub has taken this epoch. */
  readonly fenced: (epoch: Epoch) => void;
  readonly reject: (error: Error) => void;
  /** Ends when one of these was called. */
  readonly ended: Promise<unknown>;
}

class SqliteStore implements Store {
  readonly #worker: Worker;
  readonly #path: string;
  readonly #watchers = new Watchers();
  /** What is on disk, which readers see. */
  readonly #durable: Ledger;
  /** What will be on disk, which the next commit is decided by. */
  #pending: Ledger;
  readonly #waiting: Waiting[] = [];
  /** Of what is on disk and of what will be. */
  #log: AuditLog;
  readonly #limits: AuditLimits | undefined;
  /** The newest entry of the log that is on disk. */
  #logged = 0;
  readonly #reading = new Map<number, (bodies: ReadonlyMap<number, string>) => void>();
  readonly #readingClusters = new Map<number, (clusters: readonly string[]) => void>();
  readonly #readingReports = new Map<number, (reports: readonly StoredReport[]) => void>();
  #reads = 0;
  #closed = false;
  #failed: Failure | undefined;
  #leadership: HeldLeadership | undefined;
  /** Resolves the call of `lead` that is under way. */
  #leading: PromiseWithResolvers<Leadership> | undefined;
  /** Another hub has taken an epoch: that one. */
  #replacedBy: Epoch | undefined;

  constructor(
    worker: Worker,
    opened: Extract<FromSqlite, { kind: 'opened' }>,
    path: string,
    limits: AuditLimits | undefined,
  ) {
    this.#limits = limits;
    this.#log = new AuditLog(limits);
    this.#worker = worker;
    this.#path = path;
    this.#durable = new Ledger(opened, opened.changes);
    this.#pending = new Ledger(opened, opened.changes);
    worker.on('message', (message: FromSqlite) => this.#hear(message));
    worker.on('error', ({ message }: Error) => this.#fail({ message, remedy: undefined }));
    worker.on('exit', () => {
      this.#closed = true;
      this.#endReads();
    });
  }

  read() {
    return Promise.resolve(this.#durable.contents());
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#mustWork();
    const fenced = this.#fencedBy();
    if (fenced) return fenced;
    if (!this.#leadership)
      throw new HubError('NOT_LEADING', 'nothing is committed before an epoch was taken');
    const change = this.#pending.prepare(commit);
    if ('kind' in change) {
      // A refusal that rests on a commit under way holds only once that one is on disk.
      await this.#waiting.at(-1)?.ended;
      this.#mustWork();
      return this.#fencedBy() ?? change;
    }
    this.#pending.apply(change, commit.fence);
    const { system = false, body = emptyBody } = commit.detail ?? {};
    const audit = this.#append(headOfChange(change, system), body);
    const { promise, resolve, reject } = Promise.withResolvers<CommitResult>();
    const written = () => {
      this.#durable.apply(change, commit.fence);
      this.#logged = audit.head.number;
      resolve({ kind: 'committed', revision: change.revision, durable: true });
    };
    const replaced = (epoch: Epoch) => resolve({ kind: 'fenced', epoch });
    this.#waiting.push({ written, fenced: replaced, reject, ended: promise });
    this.#send({ kind: 'change', change, audit });
    return promise;
  }

  changes(after: number, signal: AbortSignal) {
    return this.#watchers.follow(() => this.#durable, after, signal);
  }

  async audit(query: AuditQuery) {
    // What was recorded before is on its way; whether it arrives or not, the answer comes after it.
    await this.#waiting.at(-1)?.ended.catch(() => undefined);
    const { heads, total, more } = this.#log.find(query, this.#logged);
    const bodies = await this.#bodies(heads.map(({ number }) => number));
    const records = heads.flatMap((head) => {
      const body = bodies.get(head.number);
      // One that had to go for a newer one meanwhile.
      return body === undefined ? [] : [{ ...head, ...(JSON.parse(body) as AuditBody) }];
    });
    return { records, total, more };
  }

  record(attempt: Attempt, left?: number): number | undefined {
    if (!this.#leadership || this.#failed !== undefined) return undefined;
    if (this.#replacedBy !== undefined) {
      this.#leave(attempt);
      return undefined;
    }
    const audit = this.#append(headOfAttempt(attempt, this.#pending.revision), attempt.body);
    const { number } = audit.head;
    this.#sendAudit(left === undefined ? audit : { ...audit, left }, number, () => this.#leave(attempt));
    return number;
  }

  recount(number: number, count: number, lastAt: number): void {
    const head = this.#log.recount(number, count, lastAt);
    if (head && this.problem === undefined) this.#sendAudit({ head, drop: [] }, this.#logged);
  }

  byIdempotencyKey(actor: string, key: string) {
    return Promise.resolve(this.#durable.byIdempotencyKey(actor, key));
  }

  saveReports(all: readonly ClusterReports[], asOf: number): Promise<void> {
    this.#send({ kind: 'reports', reports: all.map(({ cluster, rows }) => ({ cluster, rows, asOf })) });
    return Promise.resolve();
  }

  reportedClusters(): Promise<readonly string[]> {
    if (this.#failed !== undefined || this.#closed) return Promise.resolve([]);
    const id = this.#reads++;
    return new Promise((resolve) => {
      this.#readingClusters.set(id, resolve);
      this.#send({ kind: 'reportedClusters', id });
    });
  }

  readReports(cluster: string): Promise<readonly StoredReport[]> {
    if (this.#failed !== undefined || this.#closed) return Promise.resolve([]);
    const id = this.#reads++;
    return new Promise((resolve) => {
      this.#readingReports.set(id, resolve);
      this.#send({ kind: 'readReports', id, cluster });
    });
  }

  forgetReports(cluster: string): Promise<void> {
    this.#send({ kind: 'reports', reports: [{ cluster, rows: undefined, asOf: 0 }] });
    return Promise.resolve();
  }

  lead(above = 0): Promise<Leadership> {
    if (this.#failed !== undefined) return Promise.reject(this.#error());
    this.#leading = Promise.withResolvers();
    this.#send({ kind: 'lead', above, auditAfter: this.#log.last });
    return this.#leading.promise;
  }

  get problem(): string | undefined {
    if (this.#replacedBy !== undefined) return `another hub has taken epoch ${this.#replacedBy}`;
    return this.#failed === undefined ? undefined : this.#error().message;
  }

  /** Also where the thread has ended by itself, which says nothing any more. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#worker.once('exit', () => resolve());
    this.#send({ kind: 'close' });
    return promise;
  }

  #send(message: ToSqlite): void {
    this.#worker.postMessage(message);
  }

  #append(entry: Omit<AuditHead, 'number'>, body: AuditBody): AuditWrite {
    const text = JSON.stringify(body);
    const { head, bytes, drop } = this.#log.append(entry, Buffer.byteLength(text));
    return { head, added: { bytes, body: text }, drop };
  }

  /** Nobody waits for it: that it did not arrive is known by the commit after it. */
  #sendAudit(audit: AuditWrite, logged: number, fenced: () => void = () => undefined): void {
    const { promise: ended, resolve } = Promise.withResolvers<undefined>();
    const end = () => resolve(undefined);
    const written = () => {
      this.#logged = Math.max(this.#logged, logged);
      end();
    };
    const replaced = () => {
      fenced();
      end();
    };
    this.#waiting.push({ written, fenced: replaced, reject: end, ended });
    this.#send({ kind: 'audit', audit });
  }

  /** Entries of the log, and gone from where they were left, in one transaction. */
  #take(left: readonly LeftAttempt[]): void {
    for (const { id, attempt } of left) this.record(attempt, id);
  }

  /** For the hub that has replaced this one: that one writes the log, and judges by itself who is denied. */
  #leave(attempt: Attempt): void {
    if (attempt.outcome !== 'DENIED') this.#send({ kind: 'leave', attempt });
  }

  #bodies(numbers: readonly number[]): Promise<ReadonlyMap<number, string>> {
    if (numbers.length === 0 || this.#closed) return Promise.resolve(new Map());
    const id = this.#reads++;
    return new Promise((resolve) => {
      this.#reading.set(id, resolve);
      this.#send({ kind: 'read', id, numbers });
    });
  }

  #endReads(): void {
    for (const resolve of this.#reading.values()) resolve(new Map());
    this.#reading.clear();
    for (const reading of [this.#readingClusters, this.#readingReports]) {
      for (const resolve of reading.values()) resolve([]);
      reading.clear();
    }
  }

  #hear(message: FromSqlite): void {
    if (message.kind === 'failed') return this.#fail(message);
    if (message.kind === 'recovered') return this.#recovered(message.audit);
    if (message.kind === 'fenced') return this.#fenced(message.epoch);
    if (message.kind === 'leading') return this.#led(message);
    if (message.kind === 'read') return this.#read(message);
    if (message.kind === 'reportedClusters') return this.#readClusters(message);
    if (message.kind === 'readReports') return this.#readReports(message);
    if (message.kind === 'left') return this.#take(message.attempts);
    if (message.kind !== 'durable') return;
    for (const { written } of this.#waiting.splice(0, message.count)) written();
    this.#watchers.wake();
  }

  #read({ id, bodies }: Extract<FromSqlite, { kind: 'read' }>): void {
    this.#reading.get(id)?.(bodies);
    this.#reading.delete(id);
  }

  #readClusters({ id, clusters }: Extract<FromSqlite, { kind: 'reportedClusters' }>): void {
    this.#readingClusters.get(id)?.(clusters);
    this.#readingClusters.delete(id);
  }

  #readReports({ id, reports }: Extract<FromSqlite, { kind: 'readReports' }>): void {
    this.#readingReports.get(id)?.(reports);
    this.#readingReports.delete(id);
  }

  /** The log is read with the epoch: nobody else appends to it from then on. */
  #led({ epoch, audit }: Extract<FromSqlite, { kind: 'leading' }>): void {
    this.#log.load(audit);
    this.#logged = Math.max(this.#logged, audit.at(-1)?.head.number ?? 0);
    this.#leadership?.end({ kind: 'fenced', by: epoch });
    this.#leadership = new HeldLeadership(epoch);
    for (const ledger of [this.#durable, this.#pending]) ledger.lead(epoch);
    this.#leading?.resolve(this.#leadership);
  }

  #fail(failure: Failure): void {
    this.#failed = failure;
    this.#leading?.reject(this.#error());
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error());
    this.#endReads();
    this.#pending = this.#durable.copy();
    if (failure.remedy !== undefined && this.#leadership)
      this.#send({ kind: 'recover', revision: this.#durable.revision });
  }

  /** The log may have had entries that are not on disk; their numbers are not given again. */
  #recovered(audit: readonly KeptHead[]): void {
    this.#failed = undefined;
    this.#log = new AuditLog(this.#limits, this.#log.last);
    this.#log.load(audit);
    this.#logged = Math.max(this.#logged, audit.at(-1)?.head.number ?? 0);
  }

  #fenced(epoch: Epoch): void {
    this.#replacedBy = epoch;
    this.#leadership?.end({ kind: 'fenced', by: epoch });
    for (const { fenced } of this.#waiting.splice(0)) fenced(epoch);
  }

  #mustWork(): void {
    if (this.#failed !== undefined) throw this.#error();
  }

  #fencedBy(): Extract<CommitResult, { kind: 'fenced' }> | undefined {
    return this.#replacedBy === undefined ? undefined : { kind: 'fenced', epoch: this.#replacedBy };
  }

  #error(): CodedError {
    const { message = '', remedy } = this.#failed ?? {};
    return new HubError(
      'STORE_FAILED',
      `${this.#path} cannot be written: ${message}; ${remedy === undefined ? 'nothing was acknowledged, start the hub again' : `nothing was changed: ${remedy}; the hub tries again each second`}`,
    );
  }
}
