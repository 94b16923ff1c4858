import type { HandshakeLimit } from '@isthmus/mesh/net/handshakes.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { SessionErrorCode } from '@isthmus/mesh/process/mesh-error.ts';
import type { ShareRefusal } from '@isthmus/mesh/shares/peer-share.ts';

/** Every code of the errors that a proxy throws, or counts as refusals. */
export type ProxyErrorCode =
  | HandshakeLimit
  | `PEER_LIMIT_${ShareRefusal}`
  | SessionErrorCode
  | 'BAD_CHAIN'
  | 'CLIENT_GONE'
  | 'CONNECTION_CLOSED'
  | 'CONNECTION_ENDED'
  | 'CONTROL_PLANE_ADDRESS'
  | 'NO_ANSWER'
  | 'NO_CERTIFICATE'
  | 'PEER_GONE';

export class ProxyError extends CodedError<ProxyErrorCode> {}
