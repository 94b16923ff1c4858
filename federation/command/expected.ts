import type { DecideContext, UserError } from './command.ts';
import { refusal } from './refuse.ts';

/** Compares the revision that the caller has seen with the object's own; 0 stands for "not there". */
export function checkRevision(context: DecideContext, actual: number, what: string): UserError | undefined {
  const { expectedRevision } = context;
  if (expectedRevision === undefined || expectedRevision === actual) return undefined;
  const now = actual === 0 ? 'does not exist' : `is at revision ${actual}`;
  return refusal(
    'STALE_REVISION',
    'expectedRevision',
    `${what} ${now}, not at ${expectedRevision}: read it again before you change it`,
  );
}
