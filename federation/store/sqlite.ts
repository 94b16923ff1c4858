import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { Ledger, retention } from './ledger.ts';
import type { FromSqlite, ToSqlite } from './sqlite-thread.ts';
import { HeldLeadership } from './held-leadership.ts';
import type { Commit, CommitResult, Epoch, Leadership, Store } from './store.ts';
import { Watchers } from './watchers.ts';

/**
 * The embedded store: decisions in memory, durability in a file. A commit is answered and shown to watchers once it
 * is on disk. Throws STORE_FAILED when the file cannot be opened, and for every commit after a failed write.
 */
export async function sqliteStore(path: string): Promise<Store> {
  const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
    workerData: { path, retention },
  });
  const [opened] = (await once(worker, 'message')) as [FromSqlite];
  if (opened.kind !== 'opened') {
    await worker.terminate();
    throw new CodedError(
      'STORE_FAILED',
      `${path}: ${opened.kind === 'failed' ? opened.message : 'did not open'}`,
    );
  }
  return new SqliteStore(worker, opened, path);
}

interface Waiting {
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: Error) => void;
  readonly commit: Commit;
  readonly change: Parameters<Ledger['apply']>[0];
  readonly result: Promise<CommitResult>;
}

class SqliteStore implements Store {
  readonly #worker: Worker;
  readonly #path: string;
  readonly #watchers = new Watchers();
  readonly #observed: Map<string, Uint8Array>;
  /** What is on disk, which readers see. */
  readonly #durable: Ledger;
  /** What will be on disk, which the next commit is decided by. */
  readonly #pending: Ledger;
  readonly #waiting: Waiting[] = [];
  #failed: string | undefined;
  #leadership: HeldLeadership | undefined;
  /** Resolves the call of `lead` that is under way. */
  #leading: PromiseWithResolvers<Leadership> | undefined;
  /** Another hub has taken an epoch: that one. */
  #replacedBy: Epoch | undefined;

  constructor(worker: Worker, opened: Extract<FromSqlite, { kind: 'opened' }>, path: string) {
    this.#worker = worker;
    this.#path = path;
    this.#durable = new Ledger(opened, opened.changes);
    this.#pending = new Ledger(opened, opened.changes);
    this.#observed = new Map(opened.observed);
    worker.on('message', (message: FromSqlite) => this.#hear(message));
    worker.on('error', (error: Error) => this.#fail(error.message));
  }

  read() {
    return Promise.resolve(this.#durable.contents());
  }

  async commit(commit: Commit): Promise<CommitResult> {
    if (this.#failed !== undefined) throw this.#error();
    if (this.#replacedBy !== undefined) return { kind: 'fenced', epoch: this.#replacedBy };
    if (!this.#leadership)
      throw new CodedError('NOT_LEADING', 'nothing is committed before an epoch was taken');
    const change = this.#pending.prepare(commit);
    if ('kind' in change) {
      // A refusal that rests on a commit under way holds only once that one is on disk.
      const last = await this.#waiting.at(-1)?.result;
      return last?.kind === 'fenced' ? last : change;
    }
    this.#pending.apply(change, commit.fence);
    const { promise: result, resolve, reject } = Promise.withResolvers<CommitResult>();
    this.#waiting.push({ resolve, reject, commit, change, result });
    this.#send({ kind: 'change', change });
    return result;
  }

  changes(after: number, signal: AbortSignal) {
    return this.#watchers.follow(() => this.#durable, after, signal);
  }

  audit(limit: number, before: number | undefined) {
    return Promise.resolve(this.#durable.audit(limit, before));
  }

  byIdempotencyKey(actor: string, key: string) {
    return Promise.resolve(this.#durable.byIdempotencyKey(actor, key));
  }

  saveObserved(cluster: string, shard: Uint8Array): Promise<void> {
    this.#observed.set(cluster, shard);
    this.#send({ kind: 'observed', cluster, bytes: shard });
    return Promise.resolve();
  }

  readObserved() {
    return Promise.resolve(new Map(this.#observed));
  }

  forgetObserved(cluster: string): Promise<void> {
    this.#observed.delete(cluster);
    this.#send({ kind: 'observed', cluster, bytes: undefined });
    return Promise.resolve();
  }

  lead(above = 0): Promise<Leadership> {
    if (this.#failed !== undefined) return Promise.reject(this.#error());
    this.#leading = Promise.withResolvers();
    this.#send({ kind: 'lead', above });
    return this.#leading.promise;
  }

  get problem(): string | undefined {
    if (this.#replacedBy !== undefined) return `another hub has taken epoch ${this.#replacedBy}`;
    return this.#failed === undefined ? undefined : this.#error().message;
  }

  async close(): Promise<void> {
    const exited = once(this.#worker, 'exit');
    this.#send({ kind: 'close' });
    await exited;
  }

  #send(message: ToSqlite): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromSqlite): void {
    if (message.kind === 'failed') return this.#fail(message.message);
    if (message.kind === 'fenced') return this.#fenced(message.epoch);
    if (message.kind === 'leading') return this.#led(message.epoch);
    if (message.kind !== 'durable') return;
    for (const { resolve, commit, change } of this.#waiting.splice(0, message.count)) {
      this.#durable.apply(change, commit.fence);
      resolve({ kind: 'committed', revision: change.revision, durable: true });
    }
    this.#watchers.wake();
  }

  #led(epoch: Epoch): void {
    this.#leadership?.end({ kind: 'fenced', by: epoch });
    this.#leadership = new HeldLeadership(epoch);
    for (const ledger of [this.#durable, this.#pending]) ledger.lead(epoch);
    this.#leading?.resolve(this.#leadership);
  }

  #fail(message: string): void {
    this.#failed = message;
    this.#leading?.reject(this.#error());
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error());
  }

  #fenced(epoch: Epoch): void {
    this.#replacedBy = epoch;
    this.#leadership?.end({ kind: 'fenced', by: epoch });
    for (const { resolve } of this.#waiting.splice(0)) resolve({ kind: 'fenced', epoch });
  }

  #error(): CodedError {
    return new CodedError(
      'STORE_FAILED',
      `${this.#path} cannot be written: ${this.#failed ?? ''}; nothing was acknowledged, start the hub again`,
    );
  }
}
