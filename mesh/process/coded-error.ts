/**
 * An error thrown by code that does I/O. `code` is stable and upper-case, for mapping and for tests; `message` says
 * what happened and what to do; `cause` keeps the original.
 */
export class CodedError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }
}
