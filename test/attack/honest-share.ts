import { drive } from './drive.ts';
import type { HonestClient } from './honest-client.ts';
import type { Honest, Measure } from './honest-job.ts';
import type { Job } from './job.ts';

export const measures: readonly Measure[] = ['requests', 'connects', 'paced'];

/** What an honest client got in one window, by measure. */
type Window = Readonly<Record<Measure, Honest>>;

/** Attackers have begun and the honest client's machine has settled by then. */
const settleMillis = 300;

/** The windows of one condition, in the order in which they were measured. */
export interface Condition {
  readonly windows: Window[];
}

export type Measured = ReadonlyMap<string, Condition>;

/**
 * Measures an honest client under several conditions in turn, so that what else the machine does meets all of them
 * alike: `rounds` times, and up to three times as often while it is not `enough`, because other processes may disturb a
 * few windows and not the median of many. A condition is a job of the driver's process, or nothing.
 */
export async function measureInTurns(
  honest: HonestClient,
  conditions: ReadonlyMap<string, (seconds: number) => Job | undefined>,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  enough: (measured: Measured) => boolean,
): Promise<Measured> {
  const measured = new Map<string, Condition>();
  for (const name of conditions.keys()) measured.set(name, { windows: [] });
  for (let round = 0; round < rounds || (round < 3 * rounds && !enough(measured)); round++)
    for (const [name, { windows }] of measured) {
      const job = conditions.get(name)?.(measures.length * seconds + 2 * (settleMillis / 1000));
      const running = job && drive(job);
      await new Promise((resolve) => setTimeout(resolve, settleMillis));
      windows.push(await oneWindow(honest, seconds));
      await running;
    }
  return measured;
}

async function oneWindow(honest: HonestClient, seconds: number): Promise<Window> {
  const window: Partial<Record<Measure, Honest>> = {};
  for (const one of measures) window[one] = await honest.measure(one, seconds);
  return window as Window;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
};

/** Percent: the median over the rounds of what was served in one condition, of what was served in the other. */
export const shareOf = (measure: Measure, one: Condition, other: Condition): number =>
  (median(one.windows.map((window) => window[measure].rate)) /
    median(other.windows.map((window) => window[measure].rate))) *
  100;

/** The median of the rounds' 99th percentiles, milliseconds. */
export const slowest = (measure: Measure, { windows }: Condition): number =>
  median(windows.map((window) => window[measure].p99));
