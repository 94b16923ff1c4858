import type { KeptBodies } from '@isthmus/cluster-agent/link/hub-journal.ts';

/** In place of a journal on disk, for agents that are not restarted. */
export class MemoryJournal implements KeptBodies {
  readonly #bodies = new Map<string, Uint8Array>();

  entries(): Iterable<readonly [key: string, body: Uint8Array]> {
    return [...this.#bodies];
  }

  put(key: string, body: Uint8Array): void {
    this.#bodies.set(key, body);
  }

  remove(key: string): void {
    this.#bodies.delete(key);
  }

  flushed(): Promise<void> {
    return Promise.resolve();
  }
}
