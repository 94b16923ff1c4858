/** One row of the table of sizes. */
export interface TableRow {
  /** What `--only` names it by. */
  readonly row: string;
  readonly measure: string;
  readonly measured: string;
  readonly goal: string;
}

const [begin, end] = ['<!-- bench:size -->', '<!-- /bench:size -->'];
const columns = ['row', 'measure', 'measured', 'committed', 'goal'] as const;
const none = '-';

/** Markdown, between the markers by which `committedIn` finds it again; `committed` has values by row. */
export function sizeTable(rows: readonly TableRow[], committed: ReadonlyMap<string, string>): string {
  const cells = rows.map((one) =>
    columns.map((column) => cell(column === 'committed' ? (committed.get(one.row) ?? none) : one[column])),
  );
  return [begin, '', line(columns), line(columns.map(() => '---')), ...cells.map(line), '', end].join('\n');
}

/**
 * What was measured by the table between the markers, by row; of several tables the first. Empty when there is none, or
 * when it has no columns `row` and `measured`.
 */
export function committedIn(document: string): ReadonlyMap<string, string> {
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) return new Map();
  const lines = document
    .slice(from, to)
    .split('\n')
    .filter((text) => text.trim().startsWith('|'));
  const [head = [], , ...rows] = lines.map(cellsOf);
  const [row, measured] = [head.indexOf('row'), head.indexOf('measured')];
  if (row < 0 || measured < 0) return new Map();
  return new Map(rows.map((cells) => [cells[row] ?? '', cells[measured] ?? none]));
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** A bar would begin another cell, and a line break another row. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim();

const cellsOf = (text: string): readonly string[] =>
  text
    .trim()
    .replace(/^\|/, '')
    .replace(/\|$/, '')
    .split(/(?<!\\)\|/)
    .map((one) => one.trim().replaceAll('\\|', '|'));
