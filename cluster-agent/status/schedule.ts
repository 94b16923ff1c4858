import { Expiries } from '../health/expiries.ts';

/** Changes of one object are gathered for this long, milliseconds. */
export const settleMillis = 100;
/** An object is written once in this time at most. */
export const spacingMillis = 1000;
/** Objects that are written at the same time. */
export const maxAtOnce = 4;
/** After the first failure, then doubled. */
const firstBackoff = 1000;
export const maxBackoff = 60_000;
/** Another writer was faster. */
const conflictMillis = 200;

/** What came of writing an object. */
export type Outcome =
  /** WRITTEN; SAME: there was nothing to write; CONFLICT: somebody else has changed it meanwhile. */
  | { readonly kind: 'WRITTEN' | 'SAME' | 'CONFLICT' }
  /** `retryAfter`: what the server asks for, milliseconds. */
  | { readonly kind: 'FAILED'; readonly retryAfter: number };

interface Rest {
  /** Before that it is not written. */
  readonly until: number;
  readonly failures: number;
}

/**
 * Which objects are to be written, and when: each at most once a second with its last state, few at the same time, and one
 * that fails later and later. Times are monotonic milliseconds. It holds what waits, what is written, and for as long as
 * it has to what was.
 */
export class WriteSchedule {
  readonly #due = new Expiries<string>();
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  /** Touched while they are written. */
  readonly #again = new Set<string>();
  readonly #rests = new Map<string, Rest>();
  readonly #restEnds = new Expiries<string>();

  /** The object may have to be written. */
  touch(key: string, now: number): void {
    if (this.#running.has(key)) this.#again.add(key);
    else if (!this.#waiting.has(key)) this.#wait(key, now + settleMillis);
  }

  /** Those that were written a second ago, of which nothing has to be known any more. */
  *forget(now: number): Iterable<string> {
    for (const key of this.#restEnds.due(now)) {
      if (this.#waiting.has(key) || this.#running.has(key)) continue;
      this.#rests.delete(key);
      yield key;
    }
  }

  /** Those to be written now. `done` has to be called for each. */
  take(now: number): readonly string[] {
    const taken: string[] = [];
    while (this.#running.size < maxAtOnce && this.#due.next <= now)
      for (const key of this.#due.due(now)) {
        this.#waiting.delete(key);
        this.#running.add(key);
        taken.push(key);
        break;
      }
    return taken;
  }

  /** When `take` gives some; Infinity: nothing waits, or as many are written as may be. */
  get next(): number {
    return this.#running.size < maxAtOnce ? this.#due.next : Infinity;
  }

  done(key: string, outcome: Outcome, now: number): void {
    this.#running.delete(key);
    const isTouched = this.#again.delete(key);
    const rest = restAfter(outcome, this.#failures(key), now);
    if (rest) this.#rests.set(key, rest);
    else this.#rests.delete(key);
    this.#restEnds.set(key, rest?.until ?? Infinity);
    if (isTouched || outcome.kind === 'FAILED' || outcome.kind === 'CONFLICT')
      this.#wait(key, isTouched ? now + settleMillis : now);
  }

  /** Whether anything is known of the object: it waits, is written, or was written or failed a short time ago. */
  knows(key: string): boolean {
    return this.#waiting.has(key) || this.#running.has(key) || this.#rests.has(key);
  }

  /** How often it has failed since it was written. */
  #failures(key: string): number {
    return this.#rests.get(key)?.failures ?? 0;
  }

  /** How many objects it knows. */
  get size(): number {
    return new Set([...this.#waiting, ...this.#running, ...this.#rests.keys()]).size;
  }

  /** Nothing waits any more. What is being written goes on. */
  clear(): void {
    for (const key of this.#waiting) this.#due.delete(key);
    for (const key of this.#rests.keys()) this.#restEnds.delete(key);
    this.#waiting.clear();
    this.#again.clear();
    this.#rests.clear();
  }

  #wait(key: string, at: number): void {
    this.#waiting.add(key);
    this.#due.set(key, Math.max(at, this.#rests.get(key)?.until ?? 0));
  }
}

function restAfter(outcome: Outcome, failures: number, now: number): Rest | undefined {
  switch (outcome.kind) {
    case 'SAME':
      return undefined;
    case 'WRITTEN':
      return { until: now + spacingMillis, failures: 0 };
    case 'CONFLICT':
      return { until: now + conflictMillis * 2 ** Math.min(failures, 8), failures: failures + 1 };
    case 'FAILED': {
      const backoff = Math.min(maxBackoff, firstBackoff * 2 ** Math.min(failures, 6));
      return { until: now + Math.max(backoff, outcome.retryAfter), failures: failures + 1 };
    }
  }
}
