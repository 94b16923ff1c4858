import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../machine.ts';
import { groups } from './groups.ts';
import { readOptions } from './options.ts';
import { measureGroup } from './run.ts';
import { otherThanWhole } from './sizes.ts';
import { committedIn, sizeTable, type TableRow } from './table.ts';

// `npm run bench:size`: what size costs, beside what was committed and what is wanted.
const options = readOptions(groups.flatMap(({ rows }) => rows.map(({ row }) => row)));
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

const progress = (text: string): void => console.error(text);
const committed = committedIn(readFileSync(join(import.meta.dirname, '../../docs/bench.md'), 'utf8'));
const rows: TableRow[] = [];
const take = (row: TableRow): void => void rows.push(row);
try {
  for (const group of groups) await measureGroup(group, { ...options, progress, take }, stop.signal);
} catch (error) {
  if (!stop.signal.aborted) throw error;
  progress(`${String(error)}; what was measured until then:`);
}
const others = otherThanWhole(options.sizes);
if (others !== '') console.log(`NOT comparable to the goals, as sizes are other ones: ${others}\n`);
console.log(`${machine()}\n\n${sizeTable(rows, committed)}`);
process.exit(stop.signal.aborted ? 130 : 0);
