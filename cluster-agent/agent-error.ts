import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** Why a certificate is refused, or cannot be issued now. `ca/service.ts` has the gRPC status of each. */
export type CertificateErrorCode =
  | 'BAD_CSR'
  | 'NAMESPACE_NOT_ALLOWED'
  | 'NOT_ACTIVE'
  | 'NOT_LISTED'
  | 'NOT_REVIEWED'
  | 'PERMISSION_DENIED'
  | 'TOO_MANY'
  | 'UNAUTHENTICATED';

/** Every code of the errors that the agent throws. */
export type AgentErrorCode =
  | CertificateErrorCode
  | 'BAD_BLOCK'
  | 'BAD_INTERMEDIATE'
  | 'CA_FILE'
  | 'CA_NOT_PINNED'
  | 'HUB_UNREACHABLE'
  | 'JOIN_REFUSED'
  | 'JOIN_TOKEN'
  | 'KEPT_STATE'
  | 'LINK_FILE'
  | 'NOT_JOINED';

export class AgentError extends CodedError<AgentErrorCode> {}
