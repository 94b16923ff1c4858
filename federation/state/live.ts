import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Store } from '../store/store.ts';
import { addChanges, CollectedChanges, type ChangeSet } from './change-set.ts';
import type { KeptIndexes } from './indexes.ts';
import { applyWrites, intentOf, storedOf } from './intent.ts';
import type { Shard } from './observed.ts';
import { addShardChanges } from './shard-changes.ts';
import type { FederationSnapshot, Settings } from './snapshot.ts';

/** Gets the names of what differs since it was called last, and the state of now. */
export type ChangeListener = (changes: ChangeSet, now: FederationSnapshot) => void;

interface LiveDeps {
  readonly store: Store;
  readonly settings: Settings;
  readonly epoch: number;
  readonly index: KeptIndexes;
  readonly log: Log;
}

/** The current snapshot, and the listeners that are called with the names of what has changed. */
export class Live {
  #snapshot: FederationSnapshot;
  readonly #listeners = new Set<ChangeListener>();
  /** What has changed since the listeners ran; undefined: they are not about to run. */
  #changes: CollectedChanges | undefined;
  /** By the revision that is awaited; revisions have no gaps. */
  readonly #awaiting = new Map<number, PromiseWithResolvers<void>>();

  readonly #index: KeptIndexes;

  private constructor(snapshot: FederationSnapshot, index: KeptIndexes) {
    this.#snapshot = snapshot;
    this.#index = index;
  }

  /** Reads the store and follows it until the signal aborts. */
  static async start({ store, settings, epoch, index, log }: LiveDeps, signal: AbortSignal): Promise<Live> {
    const contents = await store.read();
    const live = new Live({ epoch, settings, intent: intentOf(contents), observed: new Map(), index }, index);
    live
      .#follow(store, contents.revision, signal)
      .catch((error: unknown) => log.error({ error: String(error) }, 'the store can no longer be followed'));
    return live;
  }

  get current(): FederationSnapshot {
    return this.#snapshot;
  }

  /** Calls after changes of intent or observation, once for all of one turn of the event loop. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setShard(shard: Shard): void {
    const before = this.#snapshot.observed.get(shard.cluster);
    this.#observe(new Map(this.#snapshot.observed).set(shard.cluster, shard), shard.cluster, before);
  }

  removeShard(cluster: string): void {
    const before = this.#snapshot.observed.get(cluster);
    const observed = new Map(this.#snapshot.observed);
    if (observed.delete(cluster)) this.#observe(observed, cluster, before);
  }

  /** Resolves when a commit is part of the snapshot, so that its writer can read it. */
  reached(revision: number): Promise<void> {
    if (this.#snapshot.intent.revision >= revision) return Promise.resolve();
    const awaited = this.#awaiting.get(revision) ?? Promise.withResolvers<void>();
    this.#awaiting.set(revision, awaited);
    return awaited.promise;
  }

  async #follow(store: Store, after: number, signal: AbortSignal): Promise<void> {
    for await (const { revision, writes } of store.changes(after, signal)) {
      const before = this.#snapshot.intent;
      const changes = new CollectedChanges();
      for (const write of writes) {
        const kind = 'put' in write ? write.put.kind : write.remove;
        changes.wrote(kind, write.id, storedOf(before, kind, write.id));
      }
      this.#replace({ ...this.#snapshot, intent: applyWrites(before, writes, revision) }, changes);
      this.#awaiting.get(revision)?.resolve();
      this.#awaiting.delete(revision);
    }
  }

  #observe(observed: FederationSnapshot['observed'], cluster: string, before: Shard | undefined): void {
    const changes = new CollectedChanges();
    addShardChanges(changes, cluster, before, observed.get(cluster));
    this.#replace({ ...this.#snapshot, observed }, changes);
  }

  /** One step. The listeners are called once for all steps of one turn of the event loop. */
  #replace(snapshot: FederationSnapshot, step: CollectedChanges): void {
    this.#snapshot = snapshot;
    if (step.isEmpty) return;
    this.#index.follow(step, snapshot);
    if (this.#changes) return addChanges(this.#changes, step);
    this.#changes = step;
    setImmediate(() => {
      this.#changes = undefined;
      for (const listener of [...this.#listeners]) listener(step, this.#snapshot);
    });
  }
}
