/** Codes of RST_STREAM (RFC 9113 7). */
export const resetCodes = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const;
export type ResetCode = (typeof resetCodes)[number];

/** Upstream takes NO_ERROR and CANCEL for a clean end (0020), so nobody sends them on a tunnel. */
export type SentCode = Exclude<ResetCode, 'NO_ERROR' | 'CANCEL'>;

/** How a stream was cut off. */
export interface Reset {
  /** What the peer sent on an HTTP/2 stream; undefined where a connection was reset or lost, and where we reset it. */
  readonly code: ResetCode | undefined;
  /** Why, where that is more than an ordinary reset: a TLS alert, or a session that its peer broke. */
  readonly error: Error | undefined;
}

/** Whose memory bytes lie in: counted, never allocated for each chunk. */
export interface Lender {
  retain(): void;
  release(): void;
  /** So many bytes before the chunk may be overwritten, as by the header of a frame. */
  readonly room: number;
}

/** What a stream calls. Never inside a call of the stream's own methods, and nothing after `onClose`. */
export interface Receiver {
  /**
   * `bytes` are the receiver's until it returns. To use them later it copies them, or retains the lender if there is
   * one; without a lender they are the receiver's alone.
   */
  onBytes(bytes: Buffer, lender: Lender | undefined): void;
  /** The peer has ended its direction (FIN, END_STREAM): after its last bytes, and never because of a reset. */
  onEnd(): void;
  /** `write` had returned false: write on. */
  onDrain(): void;
  /** Both directions are over; called once. Without a reset each has ended and been taken, or `close` was called. */
  onClose(reset: Reset | undefined): void;
}

/** Bytes both ways; each direction ends by itself. */
export interface ByteStream {
  /**
   * Calls this receiver from now on; one at a time, and one that comes after the end or the close hears of it. A stream
   * begins paused, and is paused by this.
   */
  receive(receiver: Receiver): void;
  /** No bytes and no end come after it returns. The close of a reset comes all the same, at once. */
  pause(): void;
  resume(): void;
  /** While it is paused: what was looked at is delivered first. */
  putBack(bytes: Buffer): void;
  /**
   * Takes all. False: stop until `onDrain`. What is lent is the caller's again on return; without a lender the bytes
   * become the stream's. Writes of one tick leave together. After `end` and after a close it writes nothing, and says
   * true.
   */
  write(bytes: Buffer, lender?: Lender): boolean;
  /** Ends our direction after what was written. */
  end(): void;
  /**
   * Ends our direction, takes nothing more of the peer's, and closes once what was written has been taken. Where nothing
   * was written that is at once, and the peer may see a reset.
   */
  close(): void;
  /** Ends both directions at once so that the peer sees a reset; what waits is dropped. CONNECT_ERROR by default. */
  reset(code?: SentCode): void;
  /** Resolves when both directions are over, as `onClose` says it, also where the receiver has not taken the end. */
  readonly whenClosed: Promise<Reset | undefined>;
  /** It has closed: its receiver has been called for the last time, or would have been. */
  readonly closed: boolean;
  /** Bytes that were received and not delivered. */
  readonly unread: number;
  /** Bytes that were written and are not yet with what carries the stream. */
  readonly unsent: number;
  /** Bytes that may still arrive while it is paused. */
  readonly window: number;
}
