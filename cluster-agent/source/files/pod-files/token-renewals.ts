import type { PodKey } from '../../../keys/names.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** The wall clock may jump: it is looked at this often at least while something waits. */
const longestWait = 60_000;

/** When pods' tokens are to be written again. All live equally long, so that they are due in the order of their writing. */
export class TokenRenewals {
  readonly #clock: Clock;
  readonly #onDue: (pods: readonly PodKey[]) => void;
  /** Epoch milliseconds, the earliest first. */
  readonly #dueAt = new Map<PodKey, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock, onDue: (pods: readonly PodKey[]) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** A pod without a token is due. */
  isDue(pod: PodKey): boolean {
    return (this.#dueAt.get(pod) ?? -Infinity) <= this.#clock.now();
  }

  written(pod: PodKey, lifeMillis: number): void {
    this.#dueAt.delete(pod);
    this.#dueAt.set(pod, this.#clock.now() + lifeMillis);
    this.#arm();
  }

  forget(pod: PodKey): void {
    this.#dueAt.delete(pod);
  }

  #arm(): void {
    const [first] = this.#dueAt.values();
    if (this.#timer || first === undefined) return;
    const wait = Math.min(Math.max(0, first - this.#clock.now()), longestWait);
    this.#timer = this.#clock.after(wait, () => {
      this.#timer = undefined;
      const due = this.#takeDue();
      if (due.length > 0) this.#onDue(due);
      this.#arm();
    });
  }

  /** What is due is without a token from here on: it is written again. */
  #takeDue(): readonly PodKey[] {
    const now = this.#clock.now();
    const due: PodKey[] = [];
    for (const [pod, at] of this.#dueAt) {
      if (at > now) break;
      due.push(pod);
      this.#dueAt.delete(pod);
    }
    return due;
  }
}
