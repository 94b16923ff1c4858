import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Store } from '../store/store.ts';
import { applyWrites, intentOf } from './intent.ts';
import type { Shard } from './observed.ts';
import type { FederationSnapshot, Settings } from './snapshot.ts';

/** The current snapshot, and who hears when it is replaced. */
export class Live {
  #snapshot: FederationSnapshot;
  readonly #listeners = new Set<() => void>();
  #told = false;

  private constructor(snapshot: FederationSnapshot) {
    this.#snapshot = snapshot;
  }

  /** Reads the store and follows it until the signal aborts. */
  static async start(
    store: Store,
    settings: Settings,
    epoch: number,
    log: Log,
    signal: AbortSignal,
  ): Promise<Live> {
    const contents = await store.read();
    const live = new Live({ epoch, settings, intent: intentOf(contents), observed: new Map() });
    live
      .#follow(store, contents.revision, signal)
      .catch((error: unknown) => log.error({ error: String(error) }, 'the store can no longer be followed'));
    return live;
  }

  get current(): FederationSnapshot {
    return this.#snapshot;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setShard(shard: Shard): void {
    this.#replace({
      ...this.#snapshot,
      observed: new Map(this.#snapshot.observed).set(shard.cluster, shard),
    });
  }

  removeShard(cluster: string): void {
    const observed = new Map(this.#snapshot.observed);
    if (observed.delete(cluster)) this.#replace({ ...this.#snapshot, observed });
  }

  /** Resolves when a commit is part of the snapshot, so that its writer can read it. */
  async reached(revision: number): Promise<void> {
    while (this.#snapshot.intent.revision < revision)
      await new Promise<void>((resolve) => {
        const stop = this.onChange(() => {
          stop();
          resolve();
        });
      });
  }

  async #follow(store: Store, after: number, signal: AbortSignal): Promise<void> {
    for await (const { revision, writes } of store.changes(after, signal))
      this.#replace({ ...this.#snapshot, intent: applyWrites(this.#snapshot.intent, writes, revision) });
  }

  /** Listeners are called once for all changes of one turn of the event loop. */
  #replace(snapshot: FederationSnapshot): void {
    this.#snapshot = snapshot;
    if (this.#told) return;
    this.#told = true;
    setImmediate(() => {
      this.#told = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}
