import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import { HubError } from '../hub-error.ts';

/** A store that takes nothing, as its disk is full, is tried again after this, milliseconds. */
const againMillis = 1000;

/**
 * Does what the hub has to do by itself, as soon as the store takes it: a change that it follows from comes once. Rejects
 * with the signal's reason, and with what is no failure of the store.
 */
export async function untilStored<T>(
  run: () => Promise<T>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof HubError) || error.code !== 'STORE_FAILED') throw error;
    }
    await sleep(clock, againMillis, signal);
  }
}
