import type { Log } from '@isthmus/mesh/process/log.ts';
import { HubError } from '../hub-error.ts';
import type { Contents, Store } from '../store/store.ts';
import { addChanges, CollectedChanges, written, type ChangeSet } from '../observation/change-set.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { Outside } from '../outside/outside.ts';
import type { KeptIndexes } from './indexes.ts';
import { applyWrites, intentOf, storedOf } from './intent.ts';
import type { CompiledVersions, Now } from './now.ts';
import type { Settings } from './snapshot.ts';

/** What is observed, which its writer changes by itself. */
interface Observed {
  readonly records: Now['observed'];
  onStep: (changes: CollectedChanges) => void;
  forget(cluster: ClusterName): void;
}

/** Gets the names of what differs since it was called last, and the state of now. */
export type ChangeListener = (changes: ChangeSet, now: Now) => void;

interface LiveDeps {
  readonly store: Store;
  readonly settings: Settings;
  readonly epoch: number;
  readonly index: KeptIndexes;
  readonly observations: Observed;
  readonly outside: Outside;
  readonly compiled: CompiledVersions;
  readonly log: Log;
}

/** The current snapshot, and the listeners that are called with the names of what has changed. */
export class Live {
  #now: Now;
  readonly #listeners = new Set<ChangeListener>();
  /** What has changed since the listeners ran; undefined: they are not about to run. */
  #changes: CollectedChanges | undefined;
  /** By the revision that is awaited; revisions have no gaps. */
  readonly #awaiting = new Map<number, PromiseWithResolvers<void>>();
  /** What the snapshot shows since it can no longer follow the store, and why. */
  #failed: string | undefined;

  readonly #index: KeptIndexes;
  readonly #observations: Observed;

  private constructor(now: Now, { index, observations }: LiveDeps) {
    this.#now = now;
    this.#index = index;
    this.#observations = observations;
    observations.onStep = (changes) => this.#step(changes);
  }

  /** Reads the store and follows it until the signal aborts. */
  static async start(deps: LiveDeps, signal: AbortSignal): Promise<Live> {
    const { store, settings, epoch, index, observations, outside, compiled, log } = deps;
    const contents = await store.read();
    const intent = intentOf(contents);
    const observed = observations.records;
    const live = new Live(
      { epoch, settings, intent, observed, outside: outside.current, index, compiled },
      deps,
    );
    live.#followOutside(outside, signal);
    live.#index.follow(everything(contents), live.#now);
    live.#follow(store, contents.revision, signal).catch((error: unknown) => {
      log.error({ error: String(error) }, 'the store can no longer be followed');
      live.#fail(String(error));
    });
    return live;
  }

  get current(): Now {
    return this.#now;
  }

  /** Why the snapshot no longer follows the store, in one sentence; undefined while it does. */
  get problem(): string | undefined {
    return this.#failed && `${this.#failed}; start the hub again`;
  }

  /** Throws STORE_FAILED for what would be decided on a snapshot that no longer follows the store. */
  mustFollow(): void {
    if (this.#failed !== undefined)
      throw new HubError('STORE_FAILED', `nothing was changed: ${this.#failed}; start the hub again`);
  }

  /** Calls after changes of intent or observation, once for all of one turn of the event loop. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves when a commit is part of the snapshot, so that its writer can read it. Rejects with STORE_FAILED when it never
   * will be: it is stored all the same.
   */
  reached(revision: number): Promise<void> {
    if (this.#now.intent.revision >= revision) return Promise.resolve();
    if (this.#failed !== undefined) return Promise.reject(notInForce(revision, this.#failed));
    const awaited = this.#awaiting.get(revision) ?? Promise.withResolvers<void>();
    this.#awaiting.set(revision, awaited);
    return awaited.promise;
  }

  async #follow(store: Store, after: number, signal: AbortSignal): Promise<void> {
    for await (const { revision, writes } of store.changes(after, signal)) {
      const before = this.#now.intent;
      const changes = new CollectedChanges();
      for (const write of writes) {
        const kind = 'put' in write ? write.put.kind : write.remove;
        changes.wrote(kind, write.id, storedOf(before, kind, write.id));
      }
      this.#now = { ...this.#now, intent: applyWrites(before, writes, revision) };
      this.#step(changes);
      for (const cluster of written(changes, 'cluster').keys())
        if (!this.#now.intent.clusters.has(cluster)) this.#observations.forget(cluster);
      this.#awaiting.get(revision)?.resolve();
      this.#awaiting.delete(revision);
    }
  }

  #followOutside(outside: Outside, signal: AbortSignal): void {
    const stop = outside.onChange(() => {
      this.#now = { ...this.#now, outside: outside.current };
      const changes = new CollectedChanges();
      changes.hub.add('outside');
      this.#step(changes);
    });
    signal.addEventListener('abort', stop, { once: true });
  }

  #fail(why: string): void {
    this.#failed = `the hub shows revision ${this.#now.intent.revision} and none after it: ${why}`;
    for (const [revision, { reject }] of this.#awaiting) reject(notInForce(revision, this.#failed));
    this.#awaiting.clear();
  }

  /** The listeners are called once for all steps of one turn of the event loop. */
  #step(step: CollectedChanges): void {
    if (step.isEmpty) return;
    this.#index.follow(step, this.#now);
    if (this.#changes) return addChanges(this.#changes, step);
    this.#changes = step;
    setImmediate(() => {
      this.#changes = undefined;
      for (const listener of [...this.#listeners]) listener(step, this.#now);
    });
  }
}

const notInForce = (revision: number, why: string): HubError =>
  new HubError(
    'STORE_FAILED',
    `the change is stored as revision ${revision} and is not in force until the hub is started again: ${why}`,
  );

/** All that is stored, as one change from nothing. */
function everything({ objects }: Contents): CollectedChanges {
  const changes = new CollectedChanges();
  for (const { id, value } of objects) changes.wrote(value.kind, id, undefined);
  return changes;
}
