import { delayOf, flushesAtOnce, flushesMillis, waveKeys } from './limits.ts';

/**
 * Keeps flushes apart when many different keys are touched one after the other: a few begin at once, those after them
 * wait, each longer than the one before, until few keys come. Times are monotonic milliseconds.
 */
export class Waves {
  /** When the last flushes began, oldest first. */
  #began: readonly number[] = [];
  /** How many flushes of this wave have waited. */
  #waited = 0;
  /** When the flush that waits may begin. */
  #opens: number | undefined;

  /** When a flush that is wanted now may begin. */
  opensAt(now: number): number {
    if (this.#opens !== undefined) return this.#opens;
    const recent = this.#began.filter((at) => now - at < flushesMillis);
    if (this.#waited === 0 && recent.length < flushesAtOnce) return now;
    this.#opens = now + delayOf(this.#waited);
    return this.#opens;
  }

  /** A flush of so many keys begins. */
  begins(now: number, keys: number): void {
    const hasWaited = this.#opens !== undefined;
    this.#opens = undefined;
    this.#began = [...this.#began, now].slice(-flushesAtOnce);
    if (hasWaited) this.#waited = keys < waveKeys ? 0 : this.#waited + 1;
  }
}
