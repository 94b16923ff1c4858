import type { Clock } from '@isthmus/mesh/process/clock.ts';

/** Those who wait for the state to change. */
export class Changes {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at the next change, or after the time: at least a millisecond, so that who asks in a loop lets others run. */
  wait(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = this.#clock.after(Math.max(1, millis), wake);
      this.#waiting.add(wake);
    });
  }

  tell(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }
}
