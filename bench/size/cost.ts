import { setTimeout as pause } from 'node:timers/promises';
import { cpuMillis } from '../cpu.ts';
import { now } from './now.ts';

/** CPU of a process over a time, both in milliseconds. */
export interface Spent {
  readonly cpu: number;
  readonly took: number;
}

/** What a process spends while something runs. */
export async function spentBy(pid: number, run: () => Promise<unknown>): Promise<Spent> {
  const [cpu, started] = [cpuMillis(pid), now()];
  await run();
  return { cpu: cpuMillis(pid) - cpu, took: now() - started };
}

export const idleFor = (pid: number, seconds: number): Promise<Spent> =>
  spentBy(pid, () => pause(seconds * 1000));

/** Milliseconds of CPU for each of `count` events, without what the process would have spent anyway. */
export const costOfEach = (spent: Spent, idle: Spent, count: number): number =>
  Math.max(0, spent.cpu - (idle.cpu / idle.took) * spent.took) / count;

/** A program that is never quiet is measured as it is. */
const patienceMillis = 30_000;

/** Resolves once the process has used less than a fifth of a processor for a second, or after 30 s. */
export async function quiet(pid: number, signal: AbortSignal): Promise<void> {
  const started = now();
  while (!signal.aborted && now() - started < patienceMillis) {
    const { cpu, took } = await idleFor(pid, 1);
    if (cpu / took < 0.2) return;
  }
}
