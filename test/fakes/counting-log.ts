import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';

export interface WrittenLine extends Record<string, unknown> {
  readonly message: string;
}

/** A log that keeps its warnings and errors. */
export function countingLog(): { readonly log: Log; readonly lines: WrittenLine[] } {
  const lines: WrittenLine[] = [];
  const keep = (fields: object, message: string) => void lines.push({ ...fields, message });
  const log: Log = { ...silentLog, warn: keep, error: keep, child: () => log };
  return { log, lines };
}

/** What lines of one message stand for: each for itself and for those that were left out. */
export const happened = (lines: readonly WrittenLine[], message: string): number =>
  lines
    .filter((line) => line.message === message)
    .reduce((sum, { suppressed }) => sum + 1 + Number(suppressed ?? 0), 0);
