import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** Why a mutation is refused: `userErrors.code` of the API. */
export const userErrorCodes = [
  'BAD_CSR',
  'CONFLICT',
  'FENCED',
  'HUB_ADDRESS_UNKNOWN',
  'INVALID',
  'NOT_FOUND',
  'NO_SERVICES',
  'PERMISSION_DENIED',
  'PLAN_STALE',
  'PLAN_UNKNOWN',
  'STALE_REVISION',
  'TOKEN_EXPIRED',
  'TOKEN_OTHER_CLUSTER',
  'TOKEN_UNKNOWN',
  'TOKEN_USED',
] as const;
export type UserErrorCode = (typeof userErrorCodes)[number];

/** Every code of the errors that the hub throws. */
export type HubErrorCode =
  | UserErrorCode
  | 'ADMIN_TOKEN_MISSING'
  | 'ADVERTISE'
  | 'API_CERTIFICATE'
  | 'API_PLAINTEXT'
  | 'AGENT_REFUSED'
  | 'BAD_REPLICA'
  | 'CLUSTER_BUSY'
  | 'CLUSTER_SILENT'
  | 'CLUSTER_UNREACHABLE'
  | 'HUB_ID'
  | 'INTERNAL'
  | 'KEY_FILE'
  | 'LINK_CA_MISSING'
  | 'NOT_LEADING'
  | 'NO_TRUST_DOMAIN'
  | 'REVISION_UNKNOWN'
  | 'STORE_FAILED'
  | 'TOO_MANY'
  | 'TRUST_DOMAIN_MISSING'
  | 'UNAUTHENTICATED';

export class HubError extends CodedError<HubErrorCode> {}
