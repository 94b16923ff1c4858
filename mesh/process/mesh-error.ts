import { CodedError } from './coded-error.ts';

/** Dialling an address. */
export type DialErrorCode = 'DIAL_ABORTED' | 'DIAL_REFUSED' | 'DIAL_TIMEOUT';

/** A session, or a stream of one (HTTP/2, HBONE). */
export type SessionErrorCode =
  | 'CONNECT_FAILED'
  | 'PEER_SILENT'
  | 'SESSION_BROKEN'
  | 'SESSION_FAILED'
  | 'SESSION_FULL'
  | 'STREAM_CLOSED'
  | 'STREAM_RESET';

/** Files, folders and settings of a process. */
export type ProcessErrorCode =
  | 'BAD_TIME_SCALE'
  | 'FILE_TOO_LARGE'
  | 'FOLDER_IN_USE'
  | 'FOLDER_UNUSABLE'
  | 'LISTEN_FAILED'
  | 'READ_FAILED'
  | 'STATE_FILE'
  | 'WRITE_FAILED';

/** Keys, and what they sign and seal. */
export type KeyErrorCode = 'ISSUER_EXPIRED' | 'ISSUER_KEY' | 'SEALING_KEY' | 'UNSEAL_FAILED';

/** Calls of the C library: namespaces, sockets in them, and packets with descriptors. */
export type NativeErrorCode = 'NATIVE_NAMESPACE' | 'NATIVE_PACKET' | 'NATIVE_SOCKET' | 'NATIVE_UNAVAILABLE';

/** Every code of the errors that mesh/ throws. */
export type MeshErrorCode =
  DialErrorCode | SessionErrorCode | ProcessErrorCode | KeyErrorCode | NativeErrorCode;

export class MeshError extends CodedError<MeshErrorCode> {}
