import { cpus, totalmem } from 'node:os';
import { systemClock } from '@isthmus/mesh/process/clock.ts';

/** One line that says on what a table was measured, and when. `parts`: what else took part in it. */
export function machine(...parts: readonly string[]): string {
  const [cpu] = cpus();
  return [
    `${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    ...parts,
    `Node ${process.version}`,
    new Date(systemClock.now()).toISOString().slice(0, 10),
  ].join(', ');
}
