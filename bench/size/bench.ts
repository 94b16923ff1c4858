import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../machine.ts';
import { readOptions, type Tool } from './options.ts';
import type { Group } from './row.ts';
import { measureGroup } from './run.ts';
import { otherThanWhole } from './sizes.ts';
import { committedIn, sizeTable, type TableKind, type TableRow } from './table.ts';

/** A tool whose rows are those of its groups. */
export interface Bench extends Omit<Tool, 'rows' | 'name'> {
  readonly table: TableKind;
  /** In the order of the table. */
  readonly groups: readonly Group[];
}

/**
 * Measures what the command line selects, prints the table, beside what was committed in docs/bench.md, and ends the
 * process: 0, 1 when a row could not be measured, or 130 when it was stopped; then the table has what was measured until then.
 */
export async function runBench({ table, groups, about, sizes }: Bench): Promise<never> {
  const rowNames = groups.flatMap(({ rows }) => rows.map(({ row }) => row));
  const options = readOptions({ name: table.marker, about, rows: rowNames, sizes });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  const progress = (text: string): void => console.error(text);
  const committed = committedIn(
    table,
    readFileSync(join(import.meta.dirname, '../../docs/bench.md'), 'utf8'),
  );
  const rows: TableRow[] = [];
  const take = (row: TableRow): void => void rows.push(row);
  let unmeasured = 0;
  try {
    for (const group of groups)
      unmeasured += await measureGroup(group, { ...options, progress, take }, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    progress(`${String(error)}; what was measured until then:`);
  }
  const others = otherThanWhole(options.sizes, sizes);
  if (others !== '') console.log(`NOT comparable to the goals, as sizes are other ones: ${others}\n`);
  console.log(`${machine()}\n\n${sizeTable(table, rows, committed)}`);
  process.exit(stop.signal.aborted ? 130 : unmeasured > 0 ? 1 : 0);
}
