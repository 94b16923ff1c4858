import {
  MeshError,
  type DialErrorCode,
  type MeshErrorCode,
  type SessionErrorCode,
} from '@isthmus/mesh/process/mesh-error.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { ProxyError } from '../proxy-error.ts';

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

/** Of errors of sessions and dials; what is not named here says that the far side was not reached. */
const ofMesh: Readonly<Record<SessionErrorCode | DialErrorCode, ResponseFlags>> = {
  CONNECT_FAILED: 'H2_HANDSHAKE_FAILURE',
  PEER_SILENT: 'CONNECT',
  SESSION_BROKEN: 'CONNECT',
  SESSION_FAILED: 'H2_HANDSHAKE_FAILURE',
  SESSION_FULL: 'CONNECT',
  STREAM_CLOSED: 'CONNECT',
  STREAM_RESET: 'CONNECT',
  DIAL_ABORTED: 'CONNECT',
  DIAL_REFUSED: 'CONNECT',
  // A port that swallows what is sent to it is most often one that a network policy closes.
  DIAL_TIMEOUT: 'NETWORK_POLICY',
};

const isOfConnections = (code: MeshErrorCode): code is keyof typeof ofMesh => code in ofMesh;

/** Istio's name for what kept a connection from being carried. */
export function flagsOf(error: unknown): ResponseFlags {
  if (error instanceof TlsRefused) return 'TLS_FAILURE';
  if (error instanceof MeshError) return isOfConnections(error.code) ? ofMesh[error.code] : 'CONNECT';
  return error instanceof ProxyError && error.code === 'NO_CERTIFICATE' ? 'IDENTITY_ERROR' : 'CONNECT';
}
