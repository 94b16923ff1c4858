import type { ByteStream } from '../net/byte-stream.ts';

/**
 * HTTP/2 CONNECT sessions over a TLS stream whose peer has been judged already. Two implementations are foreseen behind
 * this interface, `node:http2` and a session of our own; one conformance suite runs over both.
 */
export type Headers = Readonly<Record<string, string>>;

export interface ConnectRequest {
  /** `host:port`, IPv6 in brackets. */
  readonly authority: string;
  /** Further headers, lower-case names. */
  readonly headers: Headers;
}

/** A tunnel's stream. A reset by the peer, whatever its code, and the loss of the session are a reset. */
export type Tunnelled = ByteStream;

export interface ConnectResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The tunnel. Of no use unless status is 200: it ends by itself. */
  readonly stream: Tunnelled;
}

/** The dialling end. */
export interface ClientSession {
  /**
   * Opens a stream, which counts from the call on; resolves with the peer's answer. Rejects with CONNECT_FAILED when
   * the stream or the session fails first, and when it is given up.
   */
  connect(request: ConnectRequest, signal: AbortSignal): Promise<ConnectResponse>;
  readonly activeStreams: number;
  /** Most streams that the peer allows at once. */
  readonly maxStreams: number;
  /** False once the peer said GOAWAY, the socket ended, or close was called: take another session. */
  readonly usable: boolean;
  onClose(listener: (error: Error | undefined) => void): void;
  /** Graceful: open streams go on, none is added, the socket ends after the last. */
  close(): void;
  destroy(error?: Error): void;
}

/**
 * One CONNECT that arrived. Refusing it after it was accepted resets the stream; accepting it after it was refused gives
 * a stream that ends.
 */
export interface IncomingConnect {
  readonly authority: string;
  readonly headers: Headers;
  /** Bytes that have come on the stream before anybody reads them; a client need not wait for its answer. */
  readonly held: number;
  /** Its stream has closed. */
  readonly closed: boolean;
  /** Calls back when the stream has closed: at once where it has. */
  onClose(listener: () => void): void;
  /** Aborts when the stream closes without an answer, as its client no longer waits for one. */
  readonly gone: AbortSignal;
  readonly accept: (headers: Headers) => Tunnelled;
  readonly refuse: (status: number, headers?: Headers) => void;
}

/** Events of a server's session about its peer. */
export interface SessionWatch {
  /** The peer has sent its SETTINGS: the handshake is over. */
  readonly onSettings?: () => void;
  /** The peer reset a stream: before it was answered or not, and with payload sent on it or not. */
  readonly onReset?: (reset: { readonly answered: boolean; readonly sentPayload: boolean }) => void;
  /** Streams came to nothing, as their headers were beyond the limits: what they are worth in resets. */
  readonly onRefused?: (resets: number) => void;
  /**
   * So many bytes have come on a stream that is not being read now. They have not been added to what it holds yet, and
   * the session may have read on by itself after `pause`.
   */
  readonly onHeld?: (bytes: number) => void;
}

export interface ServerSession {
  /**
   * Reads nothing more from the connection until `resume`, or until the session has written: pause it again when more
   * comes. What has been read already may still bring CONNECTs and payload.
   */
  pause(): void;
  resume(): void;
  /** With SESSION_BROKEN where the peer broke HTTP/2 or a limit of the session. */
  onClose(listener: (error: Error | undefined) => void): void;
  /** Graceful: GOAWAY, then no new streams once the peer has heard it; open streams go on. */
  close(): void;
  /** GOAWAY, and no new streams from now on: the peer may ask for those that have crossed it on another session. */
  takeNoMore(): void;
  destroy(error?: Error): void;
  /** Resets the connection below, unless the session is ending already: its peer need not have read what was sent. */
  reset(): void;
}

export interface Http2 {
  /**
   * Resolves when the peer has sent its SETTINGS. Rejects with SESSION_FAILED when the connection ends before or the
   * peer has not spoken after `timeoutMillis`; the carrier is closed then.
   */
  client(carrier: ByteStream, timeoutMillis: number): Promise<ClientSession>;
  /** Destroyed with PEER_SILENT when the peer does not send its SETTINGS in time. */
  server(
    carrier: ByteStream,
    onConnect: (incoming: IncomingConnect) => void,
    watch?: SessionWatch,
  ): ServerSession;
}
