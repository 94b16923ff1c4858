import type { Clock } from './clock.ts';

/** Most names that are remembered; the longest unused is forgotten, which only gives it a full bucket again. */
const mostNames = 10_000;

/** A token bucket per name: `perSecond` on average, `burst` at once. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  take(name: string): boolean {
    const now = this.#clock.monotonic();
    const { left, at } = this.#buckets.get(name) ?? { left: this.#burst, at: now };
    const filled = Math.min(this.#burst, left + ((now - at) / 1000) * this.#perSecond);
    this.#buckets.delete(name);
    this.#buckets.set(name, { left: filled >= 1 ? filled - 1 : filled, at: now });
    if (this.#buckets.size > mostNames) this.#buckets.delete(this.#buckets.keys().next().value ?? '');
    return filled >= 1;
  }
}
