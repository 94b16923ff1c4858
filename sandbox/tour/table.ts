/** One thing that the tour looked at: what should be, what was seen, and whether that is the same. */
export interface Finding {
  readonly step: string;
  readonly expected: string;
  readonly seen: string;
  readonly ok: boolean;
}

/** The findings as one aligned table, marks first, so that a failed row is found at a glance. */
export function renderTable(findings: readonly Finding[]): string {
  const rows = findings.map(({ step, expected, seen, ok }) => [ok ? 'ok' : 'FAILED', step, expected, seen]);
  const all = [['', 'step', 'expected', 'seen'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
