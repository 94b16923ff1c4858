import type { ByteStream } from './byte-stream.ts';

/** A byte stream that is a TCP connection. */
export interface Connection extends ByteStream {
  /** Bytes that have come, whether anybody has read them or not. */
  readonly bytesRead: number;
}
