import type { Clock } from '../process/clock.ts';

/** So many at once, and so many each second after that. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #refilled: number;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#refilled = clock.monotonic();
  }

  /** Nothing has been taken, or all has come back. */
  get whole(): boolean {
    this.#refill();
    return this.#tokens >= this.#burst;
  }

  /** False, and nothing is taken, when there are too few left. */
  take(count = 1): boolean {
    this.#refill();
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#refilled) / 1000) * this.#perSecond);
    this.#refilled = now;
  }
}
