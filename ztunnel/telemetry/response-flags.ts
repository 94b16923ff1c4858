import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';

/** How a connection ended, in Istio's words; `-` is well. */
export type ResponseFlags =
  | '-'
  | 'DENY'
  | 'CONNECT'
  | 'TLS_FAILURE'
  | 'H2_HANDSHAKE_FAILURE'
  | 'NETWORK_POLICY'
  | 'IDENTITY_ERROR'
  | 'CERT_REVOKED';

const byCode: Readonly<Record<string, ResponseFlags>> = {
  SESSION_FAILED: 'H2_HANDSHAKE_FAILURE',
  SESSION_CLOSED: 'H2_HANDSHAKE_FAILURE',
  CONNECT_FAILED: 'H2_HANDSHAKE_FAILURE',
  /** A port that swallows what is sent to it is most often one that a network policy closes. */
  DIAL_TIMEOUT: 'NETWORK_POLICY',
  NO_CERTIFICATE: 'IDENTITY_ERROR',
};

/** Istio's name for what kept a connection from being carried. */
export function flagsOf(error: unknown): ResponseFlags {
  if (error instanceof TlsRefused) return 'TLS_FAILURE';
  return (error instanceof CodedError ? byCode[error.code] : undefined) ?? 'CONNECT';
}
