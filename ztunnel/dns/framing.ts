import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { mostBytes } from './response.ts';

const lengthBytes = 2;

/** Messages of a TCP connection, each behind its length (RFC 1035 4.2.2). Holds one message that is not whole, at most. */
export class Frames {
  #chunks: Buffer[] = [];
  #held = 0;
  readonly #onMessage: (bytes: Buffer) => void;

  constructor(onMessage: (bytes: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  /** The bytes are copied. */
  take(bytes: Buffer): void {
    this.#chunks.push(Buffer.from(bytes));
    this.#held += bytes.length;
    // Small pieces are joined once a message may be whole, and not for each piece.
    if (this.#held < this.#wanted()) return;
    let rest = Buffer.concat(this.#chunks);
    while (rest.length >= lengthBytes && rest.length >= lengthBytes + rest.readUInt16BE(0)) {
      const end = lengthBytes + rest.readUInt16BE(0);
      this.#onMessage(rest.subarray(lengthBytes, end));
      rest = rest.subarray(end);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
  }

  /** Nothing has begun that is not whole. */
  get isEmpty(): boolean {
    return this.#held === 0;
  }

  #wanted(): number {
    const [first, second] = this.#chunks;
    if (!first || this.#held < lengthBytes) return lengthBytes;
    const length = first.length > 1 ? first.readUInt16BE(0) : ((first[0] ?? 0) << 8) | (second?.[0] ?? 0);
    return lengthBytes + length;
  }
}

/** Writes a message of at most 65,535 bytes. */
export function writeFrame(stream: Pick<ByteStream, 'write'>, bytes: Buffer): boolean {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt16BE(Math.min(bytes.length, mostBytes), 0);
  return stream.write(Buffer.concat([length, bytes]));
}
