/**
 * An error thrown by code that does I/O. `code` is stable and upper-case, for mapping and for tests; `message` says
 * what happened and what to do; `cause` keeps the original. Each program has a class of its own with a closed union of
 * codes, so that a table of all codes is checked by the compiler: `MeshError`, `HubError`, `AgentError`, `ProxyError`,
 * `SandboxError`.
 */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }
}

/** The code of an error of whatever program; undefined for an error without one. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof CodedError ? (error as CodedError).code : undefined;
