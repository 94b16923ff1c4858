import type { Ledger } from './ledger.ts';
import type { Change, Revision } from './store.ts';

/** Wakes those who wait for the next commit. */
export class Watchers {
  #waiting: (() => void)[] = [];

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Commits after `after`, oldest first, then as they come, until the signal aborts. No commit is missing or repeated. */
  async *follow(ledger: () => Ledger, after: Revision, signal: AbortSignal): AsyncGenerator<Change> {
    const stop = () => this.wake();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (let last = after; !signal.aborted;) {
        const changes = ledger().after(last);
        for (const change of changes) {
          yield change;
          last = change.revision;
        }
        if (changes.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
