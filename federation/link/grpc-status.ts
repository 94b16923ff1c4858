import { status, type handleUnaryCall, type MethodDefinition, type ServerUnaryCall } from '@grpc/grpc-js';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { HubError, type HubErrorCode } from '../hub-error.ts';

/** `failed`: no caller of the link can do anything about it; it gets INTERNAL without the message. */
const codes: Readonly<Record<HubErrorCode, status | 'failed'>> = {
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  TOKEN_UNKNOWN: status.UNAUTHENTICATED,
  TOKEN_USED: status.UNAUTHENTICATED,
  TOKEN_EXPIRED: status.UNAUTHENTICATED,
  TOKEN_OTHER_CLUSTER: status.PERMISSION_DENIED,
  CONFLICT: status.ALREADY_EXISTS,
  BAD_CSR: status.INVALID_ARGUMENT,
  BAD_REPLICA: status.INVALID_ARGUMENT,
  TOO_MANY: status.RESOURCE_EXHAUSTED,
  FENCED: status.UNAVAILABLE,
  // It may be known a moment later, and the token has not been used.
  HUB_ADDRESS_UNKNOWN: status.UNAVAILABLE,
  NO_TRUST_DOMAIN: status.UNAVAILABLE,
  // Others were faster, several times: the same call succeeds a moment later.
  STALE_REVISION: status.UNAVAILABLE,
  // Refusals of mutations that no call of the link makes, and what keeps a hub from starting or writing.
  ADMIN_TOKEN_MISSING: 'failed',
  API_CERTIFICATE: 'failed',
  API_PLAINTEXT: 'failed',
  ADVERTISE: 'failed',
  AGENT_REFUSED: 'failed',
  CLUSTER_BUSY: 'failed',
  CLUSTER_SILENT: 'failed',
  CLUSTER_UNREACHABLE: 'failed',
  HUB_ID: 'failed',
  INTERNAL: 'failed',
  INVALID: 'failed',
  KEY_FILE: 'failed',
  LINK_CA_MISSING: 'failed',
  NOT_FOUND: 'failed',
  NOT_LEADING: 'failed',
  NO_SERVICES: 'failed',
  PLAN_STALE: 'failed',
  PLAN_UNKNOWN: 'failed',
  REVISION_UNKNOWN: 'failed',
  STORE_FAILED: 'failed',
  TRUST_DOMAIN_MISSING: 'failed',
};

/** The one place that turns the hub's errors into gRPC statuses; an unexpected error is logged and not sent. */
export function grpcError(
  error: unknown,
  lines: LimitedLines,
  peer: string,
): { code: number; details: string } {
  const code = error instanceof HubError ? codes[error.code] : 'failed';
  if (error instanceof HubError && code !== 'failed') {
    const fields = { peer, code: error.code, error: error.message };
    lines.warn(`refused/${error.code}`, fields, 'a call of the link was refused');
    return { code, details: `${error.code}: ${error.message}` };
  }
  const what = error instanceof Error ? error.stack : String(error);
  lines.error('failed', { peer, error: what }, 'a call of the link failed');
  return { code: status.INTERNAL, details: 'the hub failed; its log says why' };
}

/** A call of a method with one answer, or with the status of what was thrown. */
export function unary<Request, Response>(
  _method: MethodDefinition<Request, Response>,
  answer: (request: Request, call: ServerUnaryCall<Request, Response>) => Promise<Response>,
  lines: LimitedLines,
): handleUnaryCall<Request, Response> {
  return (call, reply) => {
    Promise.resolve()
      .then(() => answer(call.request, call))
      .then((value) => reply(null, value))
      .catch((error: unknown) => reply(grpcError(error, lines, call.getPeer())));
  };
}
