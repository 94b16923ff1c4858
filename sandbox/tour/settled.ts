import { until } from '../processes/wait.ts';
import type { Tour } from './context.ts';

/** Waits, at most 10 s, until `look` gives the same twice, half a second apart: what was paused has come to its end. */
export async function settled({ clock }: Tour, look: () => unknown): Promise<void> {
  let last: unknown;
  const same = async () => {
    const now = await look();
    const settled = now === last;
    last = now;
    return settled ? true : undefined;
  };
  await until(clock, 'the paused traffic to end', same, { within: 10_000, every: 500 });
}
