import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/** How long a program may take to close everything, milliseconds. Kubernetes kills it 30 s after SIGTERM. */
export const endMillis = 10_000;

interface Deps {
  readonly clock: Clock;
  readonly log: Log;
  readonly process: {
    on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
    exit(status: number): void;
  };
}

/**
 * Aborts on SIGTERM or SIGINT. The program ends itself once everything is closed; if it has not done so in time, it says so
 * and ends with status 1.
 */
export function stopSignal({ clock, log, process }: Deps): AbortSignal {
  const stop = new AbortController();
  const end = () => {
    if (stop.signal.aborted) return;
    stop.abort(new Error('stopped'));
    clock.after(endMillis, () => {
      log.error(
        {},
        `something was not closed within ${endMillis / 1000} s of the signal to end: ending without it`,
      );
      process.exit(1);
    });
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  return stop.signal;
}
