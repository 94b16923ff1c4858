import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { RetryFloor } from './retry-floor.ts';

const windowSeconds = 10;
/** Retries may be this part of the calls of the last ten seconds. */
const share = 0.2;

/** What one service was asked in the last ten seconds, second by second. */
export interface RetryWindow {
  /** The second that `calls[0]` and `retries[0]` count; each next one is the second before. */
  readonly second: number;
  readonly calls: readonly number[];
  readonly retries: readonly number[];
}

export const emptyWindow: RetryWindow = { second: 0, calls: [], retries: [] };

/** Moves to the second of `now` (monotonic milliseconds); what is older than ten seconds is forgotten. */
function at(window: RetryWindow, now: number): RetryWindow {
  const second = Math.floor(now / 1000);
  const passed = Math.min(second - window.second, windowSeconds);
  if (passed <= 0) return window;
  const shift = (counts: readonly number[]) =>
    [...Array<number>(passed).fill(0), ...counts].slice(0, windowSeconds);
  return { second, calls: shift(window.calls), retries: shift(window.retries) };
}

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);

const add = ([first = 0, ...rest]: readonly number[]): readonly number[] => [first + 1, ...rest];

export function called(window: RetryWindow, now: number): RetryWindow {
  const moved = at(window, now);
  return { second: moved.second, calls: add(moved.calls), retries: moved.retries };
}

/** The window with one retry more, or undefined where the share allows none and the retry is not `granted` without it. */
export function retried(window: RetryWindow, now: number, granted: boolean): RetryWindow | undefined {
  const moved = at(window, now);
  if (!granted && sum(moved.retries) + 1 > share * sum(moved.calls)) return undefined;
  return { second: moved.second, calls: moved.calls, retries: add(moved.retries) };
}

/** Services whose calls are remembered; the one that was called longest ago gives way. */
const maxServices = 10_000;

/**
 * Retry budgets of a data worker by service, so that a service that fails is not asked many times as much for that:
 * further attempts, side by side or one after another, are a fifth of its calls, and at least three a second. Each worker
 * has a fifth of its own calls, which is a fifth of all calls; the three are those of the proxy.
 */
export class RetryBudgets {
  readonly #clock: Clock;
  readonly #floor: RetryFloor;
  readonly #windows = new Map<string, RetryWindow>();

  /** `floor`: that of the proxy; absent: this worker is all of it. */
  constructor(clock: Clock, floor = new RetryFloor(clock)) {
    this.#clock = clock;
    this.#floor = floor;
  }

  called(service: string): void {
    this.#set(service, called(this.#windows.get(service) ?? emptyWindow, this.#clock.monotonic()));
  }

  /** Whether the service may be asked once more; if so, that is counted. */
  mayRetry(service: string): boolean {
    const window = retried(
      this.#windows.get(service) ?? emptyWindow,
      this.#clock.monotonic(),
      this.#floor.take(service),
    );
    if (window) this.#set(service, window);
    return window !== undefined;
  }

  get size(): number {
    return this.#windows.size;
  }

  #set(service: string, window: RetryWindow): void {
    this.#windows.delete(service);
    this.#windows.set(service, window);
    if (this.#windows.size > maxServices) this.#windows.delete(this.#windows.keys().next().value ?? '');
  }
}
