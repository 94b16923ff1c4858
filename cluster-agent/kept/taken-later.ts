import type { Condition } from '@isthmus/api/domain/condition.ts';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { KeptData } from './kept.ts';
import { differing, writeFiles } from './state-files.ts';

interface Deps {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What could not be written is tried again after this, milliseconds. */
const againMillis = 1000;

/** Writes what another replica keeps into the state folder: now, or as soon as the disk takes it. The newest counts. */
export class TakenLater {
  readonly #deps: Deps;
  #waiting: { readonly data: KeptData; readonly onTaken: (files: readonly string[]) => void } | undefined;
  /** Files that were changed since `onTaken` was called. */
  readonly #changed = new Set<string>();
  #isRunning = false;
  #failure: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Calls `onTaken` with the files that are others now, once all are. */
  take(data: KeptData, onTaken: (files: readonly string[]) => void): void {
    this.#waiting = { data, onTaken };
    if (this.#write() || this.#isRunning) return;
    this.#isRunning = true;
    void this.#again().finally(() => (this.#isRunning = false));
  }

  /** What waits is not to be taken any more. */
  forget(): void {
    this.#waiting = undefined;
    this.#failure = undefined;
  }

  conditions(object: string): readonly Condition[] {
    if (this.#failure === undefined) return [];
    return [
      {
        type: 'StateKept',
        status: 'False',
        reason: 'STATE_NOT_TAKEN',
        severity: 'ERROR',
        object,
        message: `this replica goes on with older keys than the one that leads, as it cannot write them down: ${this.#failure}`,
        remedy: `make room in the state folder ${this.#deps.stateDir}, or let the agent write there; it tries again each second`,
      },
    ];
  }

  async #again(): Promise<void> {
    const { clock, signal } = this.#deps;
    do await sleep(clock, againMillis, signal).catch(() => undefined);
    while (!signal.aborted && !this.#write());
  }

  /** Whether nothing waits any more. */
  #write(): boolean {
    if (!this.#waiting) return true;
    const { data, onTaken } = this.#waiting;
    const { stateDir, log } = this.#deps;
    try {
      for (const name of differing(stateDir, data)) this.#changed.add(name);
      writeFiles(stateDir, data);
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      log.error(
        { error: this.#failure },
        'what another replica keeps is not written down; it is tried again',
      );
      return false;
    }
    this.forget();
    const changed = [...this.#changed];
    this.#changed.clear();
    if (changed.length > 0) onTaken(changed);
    return true;
  }
}
