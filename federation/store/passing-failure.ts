/** SQLite's codes for what passes: nothing was written, and the same can be written later. By extended code. */
const remedies: ReadonlyMap<number, string> = new Map([
  [5, 'end the other process that has it open'],
  // SQLITE_FULL; a quota that is used up is SQLITE_IOERR_WRITE, and a full disk also SQLITE_IOERR_SHMSIZE.
  ...[13, 778, 4874].map((code) => [code, 'make room on the disk of the state folder'] as const),
]);

/** What to do about a failure of SQLite that passes once that is done; undefined: only a start finds out what is stored. */
export const remedyOf = (error: unknown): string | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? remedies.get(error.errcode)
    : undefined;
