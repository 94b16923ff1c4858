import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** Why a call to an API server failed. */
export type ApiFailureCode =
  /** Nobody answered, the connection broke, or a time limit passed. */
  | 'API_UNREACHABLE'
  /** 401 */
  | 'API_UNAUTHENTICATED'
  /** 403: the message names the verb and the resource that a role lacks. */
  | 'API_FORBIDDEN'
  /** 404: of an object, or of a kind whose CRD is not there. */
  | 'API_NOT_FOUND'
  /** 409: the object is another by now, or is there already. */
  | 'API_CONFLICT'
  /** 410: the resourceVersion is no longer known; list again. */
  | 'API_GONE'
  /** 429 and 503 with Retry-After. */
  | 'API_BUSY'
  /** 422 and 400: the server does not accept the object or the request. */
  | 'API_INVALID'
  /** 500, and what has no code above. */
  | 'API_ERROR'
  /** What it answered cannot be read. */
  | 'API_MALFORMED';

/** A server may ask for a longer wait than a client's own, but not stop it for a day. */
export const maxRetryAfterMillis = 300_000;

/** `status`: of HTTP, 0 without an answer. */
export class ApiFailure extends CodedError<ApiFailureCode> {
  readonly status: number;
  /** From Retry-After, `maxRetryAfterMillis` at most. */
  readonly retryAfterMillis: number | undefined;

  constructor(
    code: ApiFailureCode,
    message: string,
    options: { status?: number; retryAfterMillis?: number | undefined; cause?: unknown } = {},
  ) {
    super(code, message, { cause: options.cause });
    this.status = options.status ?? 0;
    const { retryAfterMillis: asked } = options;
    this.retryAfterMillis = asked === undefined ? undefined : Math.min(asked, maxRetryAfterMillis);
  }
}
