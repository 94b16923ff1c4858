/** Rows as aligned columns; the first row is the heading. */
export function table(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const all = [heading.map((name) => name.toUpperCase()), ...rows.map((row) => row.map(String))];
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

/** A table for people, or what the API said for scripts. */
export function show(output: string, data: unknown, text: () => string): void {
  process.stdout.write(`${output === 'json' ? JSON.stringify(data, undefined, 2) : text()}\n`);
}
