import type { Finding } from '../domain/rejection.ts';

/** A part of an object that is taken and that Isthmus does not act on. */
export const notApplied = (field: string, message: string): Finding => ({
  code: 'NOT_APPLIED',
  severity: 'WARNING',
  field,
  message,
});

/** A field for which the object is refused. */
export const invalid = (field: string, message: string): Finding => ({
  code: 'INVALID_FIELD',
  severity: 'ERROR',
  field,
  message,
});
