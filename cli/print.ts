import { terminalLine } from '@isthmus/mesh/process/terminal-text.ts';

/** One line of what the hub or a cluster reports: nothing of it may move the cursor or begin another line. */
export const plain = (text: string | number): string => terminalLine(String(text));

/** Rows as aligned columns under their heading. */
export function table(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const all = [heading.map((name) => name.toUpperCase()), ...rows.map((row) => row.map(plain))];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Lines under a table, one thing to know each. */
export const lines = (...said: readonly (string | undefined)[]): string =>
  said.filter((one) => one !== undefined && one !== '').join('\n');

/** A time as the API writes it, cut to the second. */
export const timestamp = (iso: string): string => iso.replace(/\.\d+Z$/, 'Z');

/** How fresh what a cluster reports is. */
export const asOf = (staleness: { readonly asOf: string | null; readonly reachable: boolean }): string =>
  staleness.reachable ? 'now' : staleness.asOf === null ? 'never' : timestamp(staleness.asOf);
