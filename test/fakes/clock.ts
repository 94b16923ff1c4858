import type { Clock } from '@isthmus/mesh/process/clock.ts';

/** A clock that moves only when a test advances it. Timers fire in the order of their deadlines, ties in order of creation. */
export class FakeClock implements Clock {
  #now: number;
  #start: number;
  #timers = new Map<number, { at: number; run: () => void }>();
  #next = 0;
  #waiting: (() => void)[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
    this.#start = start;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(delay: number, run: () => void): { cancel(): void } {
    const key = this.#next++;
    this.#timers.set(key, { at: this.#now + delay, run });
    for (const wake of this.#waiting.splice(0)) wake();
    return { cancel: () => void this.#timers.delete(key) };
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time forward by `millis`, firing what falls due on the way and letting promises settle after each. */
  async advance(millis: number): Promise<void> {
    const end = this.#now + millis;
    for (let due = this.#due(end); due; due = this.#due(end)) {
      this.#timers.delete(due.key);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  /** Resolves when at least one timer is pending: no test sleeps blind. */
  async waitForTimer(): Promise<void> {
    while (this.#timers.size === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #due(end: number): { key: number; at: number; run: () => void } | undefined {
    let best: { key: number; at: number; run: () => void } | undefined;
    for (const [key, timer] of this.#timers)
      if (timer.at <= end && (!best || timer.at < best.at)) best = { key, ...timer };
    return best;
  }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
