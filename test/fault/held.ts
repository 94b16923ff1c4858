import { readdirSync } from 'node:fs';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { until } from '../../sandbox/processes/wait.ts';
import type { TestProxy } from '../fakes/proxy-mesh.ts';
import { pause, timeScale, within } from './measured.ts';

/**
 * What is taken at the proxies, and the descriptors of this process, in which the proxies run, and beside them the
 * clients and applications of the test.
 */
interface Held {
  readonly slots: number;
  readonly sessions: number;
  readonly descriptors: number;
}

const kinds = ['slots', 'sessions', 'descriptors'] as const;

export const descriptors = (): number => readdirSync('/proc/self/fd').length;

export function heldBy(proxies: readonly TestProxy[]): Held {
  const totals = proxies.map((proxy) => proxy.report().totals);
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  return {
    slots: sum(totals.map(({ slots }) => slots)),
    sessions: sum(totals.map(({ open }) => open)),
    descriptors: descriptors(),
  };
}

const equal = (one: Held, other: Held): boolean => kinds.every((kind) => one[kind] === other[kind]);

/** What is held once it has been the same for a second: a baseline, with nothing of what came before on its way. */
export async function settled(proxies: readonly TestProxy[]): Promise<Held> {
  let last = heldBy(proxies);
  for (let same = 0; same < 10;) {
    await pause(100);
    const now = heldBy(proxies);
    same = equal(now, last) ? same + 1 : 0;
    last = now;
  }
  return last;
}

/**
 * Waits until no more is held than before, prints the counts, and asserts that it took at most a second since `started`.
 * `most` is what was held in between.
 */
export async function givesBack(
  what: string,
  proxies: readonly TestProxy[],
  { before, most, started }: { before: Held; most: Held; started: number },
): Promise<void> {
  let now = most;
  const nothingLeft = () => {
    now = heldBy(proxies);
    return kinds.every((kind) => now[kind] <= before[kind]) || undefined;
  };
  const shown = (held: Held) => kinds.map((kind) => `${held[kind]} ${kind}`).join(', ');
  try {
    await until(systemClock, `${what}: all is given back`, nothingLeft, {
      within: 40_000 * timeScale,
      every: 10,
    });
  } finally {
    console.log(`      ${what}: before ${shown(before)}; most ${shown(most)}; after ${shown(now)}`);
  }
  within(`${what}, all given back`, performance.now() - started, 1000);
}
