import { err } from '@isthmus/mesh/result.ts';
import type { UserErrorCode } from '../hub-error.ts';
import type { UserError } from './command.ts';

/** One refusal: code, the input field as a dotted path, and what to do. */
export const refusal = (code: UserErrorCode, field: string, message: string): UserError => ({
  code,
  message,
  field: field === '' ? [] : field.split('.'),
});

export const refuse = (code: UserErrorCode, field: string, message: string) =>
  err([refusal(code, field, message)]);
