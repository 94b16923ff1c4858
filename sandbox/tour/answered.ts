import { sleep } from '@isthmus/mesh/process/clock.ts';
import type { FreshLoad, Served } from '../observe/load.ts';
import type { Tour } from './context.ts';

/** Calls by the cluster that answered them. */
export type Counts = Readonly<Record<string, number>>;

/** Who answered the calls sent from now on, for `millis`. */
export async function answeredBy({ served }: FreshLoad, { clock }: Tour, millis: number): Promise<Counts> {
  const since = clock.monotonic();
  await sleep(clock, millis);
  return countsOf(served.filter(({ at }) => at >= since));
}

export function countsOf(answered: readonly { readonly cluster: string }[]): Counts {
  const counts: Record<string, number> = {};
  for (const { cluster } of answered) counts[cluster] = (counts[cluster] ?? 0) + 1;
  return counts;
}

/** Milliseconds from `since` until the last call that `cluster` answered was sent; 0 when there was none. */
export const lastBy = (served: readonly Served[], cluster: string, since: number): number =>
  Math.max(
    0,
    ...served.filter((one) => one.cluster === cluster && one.at >= since).map(({ at }) => at - since),
  );

export const total = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

export const countsText = (counts: Counts): string =>
  Object.entries(counts)
    .map(([cluster, count]) => `${cluster} ${count}`)
    .join(', ') || 'nobody';
