import type { Clock } from '@isthmus/mesh/process/clock.ts';

/** Seconds of the permitted rate that may come at once, as the first reports of a cluster do. */
const burstSeconds = 20;

/** How fast one cluster's reports are taken: a bucket that may go into debt, which is then waited for. */
export class Pace {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#left = burstSeconds * perSecond;
    this.#at = clock.monotonic();
  }

  /** Milliseconds after which `count` more reports may be taken; 0: now. */
  take(count: number): number {
    const now = this.#clock.monotonic();
    const gained = ((now - this.#at) / 1000) * this.#perSecond;
    this.#left = Math.min(burstSeconds * this.#perSecond, this.#left + gained) - count;
    this.#at = now;
    return this.#left >= 0 ? 0 : Math.ceil((-this.#left / this.#perSecond) * 1000);
  }
}
