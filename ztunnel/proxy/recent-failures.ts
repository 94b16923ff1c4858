import type { Clock } from '@isthmus/mesh/process/clock.ts';

const forMillis = 5000;
const max = 10_000;

/** Routes that failed a moment ago: they are tried last, so that new connections do not pay for what is known. */
export class RecentFailures {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  failed(key: string): void {
    this.#until.delete(key);
    this.#until.set(key, this.#clock.monotonic() + forMillis);
    if (this.#until.size > max) this.#until.delete(this.#until.keys().next().value ?? '');
  }

  worked(key: string): void {
    this.#until.delete(key);
  }

  has(key: string): boolean {
    const until = this.#until.get(key);
    return until !== undefined && until > this.#clock.monotonic();
  }
}
