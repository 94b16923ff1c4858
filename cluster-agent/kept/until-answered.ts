import { waitBefore } from '@isthmus/api/kube/wait-before.ts';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/**
 * Makes a call to the API server until it succeeds, and waits longer after each failure; `failed` is called with each, and
 * why it failed. Rejects with the signal's reason once that aborts.
 */
export async function untilAnswered(
  { clock, random, signal }: Deps,
  call: () => Promise<unknown>,
  failed: (why: string, error: unknown) => void,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      await call();
      return;
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error), error);
      await sleep(clock, waitBefore(attempt, error, random), signal);
    }
  }
}
