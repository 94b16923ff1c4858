import type { Group, Heading, Measures } from './row.ts';
import type { Sizes } from './sizes.ts';
import { Stage } from './stage.ts';
import type { TableRow } from './table.ts';
import { textOf, within } from './within.ts';

interface Selection {
  readonly sizes: Sizes;
  /** Of each row, and of the start of each group's processes. */
  readonly limitSeconds: number;
  readonly isSelected: (row: string) => boolean;
  readonly progress: (text: string) => void;
  /** Called with each row as soon as it is measured. */
  readonly take: (row: TableRow) => void;
}

/**
 * Measures the selected rows of a group on a stage of its own, which is cleared whatever happens. Resolves with how many of
 * them could not be measured. Rejects with the reason of `stop` when that aborts.
 */
export async function measureGroup(group: Group, selection: Selection, stop: AbortSignal): Promise<number> {
  const rows = group.rows.filter(({ row }) => selection.isSelected(row));
  if (rows.length === 0) return 0;
  const { sizes, limitSeconds, progress, take } = selection;
  const stage = await Stage.set();
  try {
    progress(`starting: ${rows.map(({ row }) => row).join(', ')}`);
    const opened = await within(limitSeconds, stop, (signal) => group.open(stage, sizes, signal));
    if (opened.kind === 'measured') return await measureRows(rows, opened.value, selection, stop);
    for (const row of rows) take(tableRow(row, `did not start: ${textOf(opened)}`));
    return rows.length;
  } finally {
    await stage.clear();
  }
}

async function measureRows(
  rows: readonly Heading[],
  measures: Measures,
  { limitSeconds, progress, take }: Selection,
  stop: AbortSignal,
): Promise<number> {
  let unmeasured = 0;
  for (const row of rows) {
    progress(`measuring: ${row.row}`);
    const outcome = await within(limitSeconds, stop, (signal) => measures(row.row, signal));
    progress(`${row.row}: ${textOf(outcome)}`);
    take(tableRow(row, textOf(outcome)));
    if (outcome.kind !== 'measured') unmeasured++;
  }
  return unmeasured;
}

const tableRow = ({ row, measure, istiod, goal }: Heading, measured: string): TableRow => ({
  row,
  measure,
  measured,
  istiod,
  goal,
});
