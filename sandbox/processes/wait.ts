import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { sleep } from '@isthmus/mesh/process/clock.ts';
import { SandboxError } from '../sandbox-error.ts';

/**
 * Polls `attempt` every `every` milliseconds until it gives a value, and gives that. Throws TIMED_OUT naming `what`
 * after `within` milliseconds, with the last error as its cause.
 */
export async function until<T>(
  clock: Clock,
  what: string,
  attempt: () => Promise<T | undefined> | T | undefined,
  { within, every = 50 }: { within: number; every?: number },
): Promise<T> {
  const start = clock.monotonic();
  let last: unknown;
  while (clock.monotonic() - start < within) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await sleep(clock, every);
  }
  const why = last instanceof Error ? `: ${last.message}` : '';
  throw new SandboxError('TIMED_OUT', `${what} did not happen within ${within} ms${why}`, { cause: last });
}
