import { ChangeSet } from '../keys/change-set.ts';
import type { Touched } from '../keys/touched.ts';
import { delayOf, delaysMillis, repeatingMillis } from './limits.ts';

/** A key that was published: when, and how often it has been delayed without a rest. */
interface Recent {
  readonly at: number;
  readonly delays: number;
}

interface Delayed {
  /** The format of the key. */
  readonly text: string;
  readonly due: number;
  /** How often it has been delayed, with this time. */
  readonly delays: number;
}

/**
 * Keys that wait to be published. One that was not published a moment ago is due at once; one that repeats is due later,
 * and later still for as long as that goes on. No key delays another. Times are monotonic milliseconds.
 */
export class PendingKeys {
  #now = new ChangeSet();
  readonly #later = new ChangeSet();
  /** The delayed keys of `#later` by format. */
  readonly #delayed = new Map<string, Delayed>();
  /** The same for each length of delay, in the order of their times. One that was taken early is still in here. */
  readonly #queues: readonly Delayed[][] = delaysMillis.map(() => []);
  /** What was published within `repeatingMillis`, by format, oldest first. */
  readonly #recent = new Map<string, Recent>();

  add(changes: ChangeSet, now: number): void {
    for (const [text] of changes.entries()) {
      const recent = this.#recent.get(text);
      const isRepeating = recent !== undefined && now - recent.at < repeatingMillis;
      if (isRepeating && !this.#delayed.has(text)) this.#delay(text, recent.delays, now);
      const to = this.#delayed.has(text) ? this.#later : this.#now;
      to.include(changes, text);
    }
  }

  /** When the first key is due; undefined when none waits. */
  nextDue(now: number): number | undefined {
    if (this.#now.size > 0) return now;
    const first = this.#queues.flatMap((queue) => queue.find((one) => this.#waits(one))?.due ?? []);
    return first.length > 0 ? Math.min(...first) : undefined;
  }

  /** Takes what is due. */
  take(now: number): ChangeSet {
    const due = this.#now;
    this.#now = new ChangeSet();
    for (const [text, { at }] of this.#recent)
      if (now - at < repeatingMillis) break;
      else this.#recent.delete(text);
    for (const [text] of due.entries()) this.#remember(text, { at: now, delays: 0 });
    for (const queue of this.#queues) {
      const end = queue.findIndex((one) => one.due > now);
      for (const one of queue.splice(0, end < 0 ? queue.length : end))
        if (this.#waits(one)) this.#takeDelayed(one, due, now);
    }
    return due;
  }

  /** Takes delayed keys that are needed before they are due. */
  takeEarly(isNeeded: (key: Touched, from: ChangeSet) => boolean, now: number): ChangeSet {
    const early = new ChangeSet();
    for (const one of [...this.#delayed.values()]) {
      const key = this.#later.keyOf(one.text);
      if (key && isNeeded(key, this.#later)) this.#takeDelayed(one, early, now);
    }
    return early;
  }

  has(key: Touched): boolean {
    return this.#now.has(key) || this.#later.has(key);
  }

  #waits(one: Delayed): boolean {
    return this.#delayed.get(one.text) === one;
  }

  #delay(text: string, before: number, now: number): void {
    const delayed = { text, due: now + delayOf(before), delays: before + 1 };
    this.#delayed.set(text, delayed);
    this.#queues[Math.min(before, this.#queues.length - 1)]?.push(delayed);
  }

  #takeDelayed({ text, delays }: Delayed, to: ChangeSet, now: number): void {
    to.include(this.#later, text);
    this.#later.delete(text);
    this.#delayed.delete(text);
    this.#remember(text, { at: now, delays });
  }

  #remember(text: string, recent: Recent): void {
    this.#recent.delete(text);
    this.#recent.set(text, recent);
  }
}
