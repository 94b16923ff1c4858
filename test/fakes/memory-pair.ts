import type { ByteStream, Receiver, Reset, ResetCode, SentCode } from '@isthmus/mesh/net/byte-stream.ts';

/** What a stream holds before its other end has to wait; bytes. */
const capacity = 64 * 1024;

/** Two ends of one connection in memory. What happens at one end comes to the other in a later turn of the loop. */
export function memoryPair(): readonly [MemoryStream, MemoryStream] {
  const [a, b] = [new MemoryStream(), new MemoryStream()];
  a.connect(b);
  b.connect(a);
  return [a, b];
}

export class MemoryStream implements ByteStream {
  #peer: MemoryStream = this;
  #receiver: Receiver | undefined;
  #paused = true;
  #arrived: Buffer[] = [];
  #peerEnded = false;
  #endReported = false;
  #ended = false;
  #dropping = false;
  #owesDrain = false;
  readonly #closing = Promise.withResolvers<Reset | undefined>();
  #over: { readonly reset: Reset | undefined } | undefined;

  connect(peer: MemoryStream): void {
    this.#peer = peer;
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#paused = true;
    this.#endReported = false;
    if (this.#over) setImmediate(() => receiver.onClose(this.#over?.reset));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    setImmediate(() => this.#deliver());
  }

  putBack(bytes: Buffer): void {
    this.#arrived.unshift(bytes);
  }

  write(bytes: Buffer): boolean {
    if (this.#ended || this.#over) return true;
    this.#peer.#arrived.push(Buffer.from(bytes));
    setImmediate(() => this.#peer.#deliver());
    this.#owesDrain ||= this.unsent > capacity;
    return !this.#owesDrain;
  }

  end(): void {
    if (this.#ended || this.#over) return;
    this.#ended = true;
    setImmediate(() => {
      this.#peer.#peerEnded = true;
      this.#peer.#deliver();
    });
  }

  close(): void {
    this.#dropping = true;
    this.end();
    setImmediate(() => this.#deliver());
  }

  reset(code: SentCode = 'CONNECT_ERROR'): void {
    if (this.#over) return;
    this.#close({ code: undefined, error: undefined });
    this.#peer.#cutOff(code);
  }

  get whenClosed(): Promise<Reset | undefined> {
    return this.#closing.promise;
  }

  get closed(): boolean {
    return this.#over !== undefined;
  }

  get unread(): number {
    return this.#arrived.reduce((sum, { length }) => sum + length, 0);
  }

  get unsent(): number {
    return this.#peer.unread;
  }

  get window(): number {
    return Math.max(0, capacity - this.unread);
  }

  #cutOff(code: ResetCode): void {
    this.#arrived = [];
    this.#close({ code, error: undefined });
  }

  #close(reset: Reset | undefined): void {
    if (this.#over) return;
    this.#over = { reset };
    this.#closing.resolve(reset);
    setImmediate(() => this.#receiver?.onClose(reset));
  }

  #deliver(): void {
    if (this.#dropping) this.#arrived = [];
    while (!this.#paused && !this.#over) {
      const bytes = this.#arrived.shift();
      if (!bytes) break;
      this.#receiver?.onBytes(bytes, undefined);
    }
    this.#peer.#drained();
    if (this.#arrived.length > 0 || this.#over) return;
    if (this.#peerEnded && !this.#paused && !this.#endReported) {
      this.#endReported = true;
      if (!this.#dropping) this.#receiver?.onEnd();
    }
    this.#closeIfDone();
  }

  #drained(): void {
    if (this.unsent > 0 || this.#over) return;
    if (this.#owesDrain) {
      this.#owesDrain = false;
      this.#receiver?.onDrain();
    }
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#ended && this.unsent === 0 && (this.#endReported || this.#dropping)) this.#close(undefined);
  }
}
