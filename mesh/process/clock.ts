/** Milliseconds since the epoch: certificate validity, expiries, audit. Never for measuring a duration. */
export type EpochMillis = number;

/** A timer that can be taken back. Cancelling twice is harmless. */
export interface Timer {
  cancel(): void;
}

/**
 * Time, injected. `now` may jump (it is the wall clock); `monotonic` never goes back and is for durations.
 * A timer does not keep the process alive: what must stay up holds a socket.
 */
export interface Clock {
  now(): EpochMillis;
  /** Milliseconds from an arbitrary start, never decreasing. */
  monotonic(): number;
  /** Calls `run` once, `delay` milliseconds from now. */
  after(delay: number, run: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delay, run) {
    const timer = setTimeout(run, delay);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Resolves after `delay` milliseconds of `clock`. Rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(delay, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    const stop = () => {
      timer.cancel();
      reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
