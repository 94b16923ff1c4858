/** One row of a table. */
export interface TableRow {
  /** What `--only` names it by. */
  readonly row: string;
  readonly measure: string;
  readonly measured: string;
  /** What istiod takes, where that is known. */
  readonly istiod?: string | undefined;
  readonly goal: string;
}

/** A table that a tool prints, and that stands in docs/bench.md. */
export interface TableKind {
  /** The tool's name, which marks where the table begins and ends. */
  readonly marker: string;
  /** In the tool's own table; what is committed stands beside what is measured. */
  readonly columns: readonly (keyof TableRow | 'committed')[];
}

const none = '-';

const ends = ({ marker }: TableKind): readonly [begin: string, end: string] => [
  `<!-- ${marker} -->`,
  `<!-- /${marker} -->`,
];

/** Markdown, between the markers by which `committedIn` finds it again; `committed` has values by row. */
export function sizeTable(
  kind: TableKind,
  rows: readonly TableRow[],
  committed: ReadonlyMap<string, string>,
): string {
  const { columns } = kind;
  const [begin, end] = ends(kind);
  const cells = rows.map((one) =>
    columns.map((column) => cell((column === 'committed' ? committed.get(one.row) : one[column]) ?? none)),
  );
  return [begin, '', line(columns), line(columns.map(() => '---')), ...cells.map(line), '', end].join('\n');
}

/**
 * What was measured by the table between the markers, by row; of several tables the first. Empty when there is none, or
 * when it has no columns `row` and `measured`.
 */
export function committedIn(kind: TableKind, document: string): ReadonlyMap<string, string> {
  const [begin, end] = ends(kind);
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
