import type { Clock } from './clock.ts';

/** Most names that are remembered; the longest unused is forgotten, which only gives it a full bucket again. */
const maxNames = 10_000;

interface Bucket {
  /** Below 0 when more was charged than there was. */
  readonly left: number;
  /** Monotonic milliseconds of the last look. */
  readonly at: number;
}

/** A token bucket per name: `perSecond` on average, `burst` at once. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Takes one if there is one. */
  take(name: string): boolean {
    const left = this.#left(name);
    this.#set(name, left >= 1 ? left - 1 : left);
    return left >= 1;
  }

  /** Takes so many also where none is left: what happened is counted, and is paid back before the next is allowed. */
  charge(name: string, count = 1): void {
    this.#set(name, this.#left(name) - count);
  }

  /** Whether `take` would succeed. Takes nothing and remembers nothing. */
  allows(name: string): boolean {
    return this.#left(name) >= 1;
  }

  /** Of a name that does not come again. */
  forget(name: string): void {
    this.#buckets.delete(name);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #left(name: string): number {
    const bucket = this.#buckets.get(name);
    if (!bucket) return this.#burst;
    const gained = ((this.#clock.monotonic() - bucket.at) / 1000) * this.#perSecond;
    return Math.min(this.#burst, bucket.left + gained);
  }

  #set(name: string, left: number): void {
    this.#buckets.delete(name);
    this.#buckets.set(name, { left, at: this.#clock.monotonic() });
    if (this.#buckets.size > maxNames) this.#buckets.delete(this.#buckets.keys().next().value ?? '');
  }
}
