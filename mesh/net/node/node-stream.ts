import type { Duplex } from 'node:stream';
import { resetCodes, type ByteStream, type Receiver, type Reset, type ResetCode } from '../byte-stream.ts';
import { reset } from '../reset.ts';

/** Errors of a peer that went away while bytes were on their way: an ordinary reset. */
const ordinary = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'STREAM_RESET',
]);

/** Chunks below this are joined: each costs more as a system call than as a copy. */
const smallBytes = 4096;

/** How a duplex of Node's has ended. */
interface Ending {
  readonly reset: Reset | undefined;
}

/**
 * A stream of Node's as a byte stream: a TCP connection, TLS over one, or a stream of HTTP/2. It is no Duplex around a
 * Duplex (0020): what Node delivers is passed on in the same call, and written where it is buffered anyway.
 */
export class NodeStream implements ByteStream {
  /** For what takes a connection over, as `node:tls` and `node:http2` do. */
  readonly duplex: Duplex;
  #receiver: Receiver | undefined;
  #paused = true;
  #looked: Buffer[] = [];
  #corked = false;
  #closing = false;
  /** Its end has come and could not be delivered yet. */
  #endWaits = false;
  #ending: Ending | undefined;
  #told = false;
  /** Made when it is asked for. */
  #whenClosed: PromiseWithResolvers<Reset | undefined> | undefined;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    duplex.on('error', (error: NodeJS.ErrnoException) => this.#over(this.#resetBy(error)));
    duplex.on('close', () => this.#over(this.duplex.readableEnded ? undefined : this.#resetBy(undefined)));
    if (duplex.destroyed) this.#over(this.#resetBy(duplex.errored ?? undefined));
  }

  receive(receiver: Receiver): void {
    const isFirst = this.#receiver === undefined;
    this.#receiver = receiver;
    this.#told = false;
    this.pause();
    if (isFirst) this.#listen();
    if (this.#ending) process.nextTick(() => this.#tellClose());
  }

  pause(): void {
    this.#paused = true;
    this.duplex.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#looked.length === 0 && !this.#endWaits) this.duplex.resume();
    else process.nextTick(() => this.#deliverWaiting());
  }

  putBack(bytes: Buffer): void {
    this.#looked.unshift(bytes);
  }

  write(bytes: Buffer): boolean {
    const { duplex } = this;
    if (duplex.writableEnded || duplex.destroyed) return true;
    if (!this.#corked && bytes.length < smallBytes) this.#joinTick();
    return duplex.write(bytes);
  }

  end(): void {
    this.duplex.end();
  }

  close(): void {
    const { duplex } = this;
    this.#closing = true;
    if (this.#ending) process.nextTick(() => this.#tellClose());
    if (duplex.writableFinished) duplex.destroy();
    else duplex.once('finish', () => duplex.destroy());
    if (!duplex.writableEnded) duplex.end();
  }

  reset(): void {
    reset(this.duplex);
  }

  get whenClosed(): Promise<Reset | undefined> {
    this.#whenClosed ??= Promise.withResolvers();
    if (this.#ending) this.#whenClosed.resolve(this.#ending.reset);
    return this.#whenClosed.promise;
  }

  get closed(): boolean {
    return this.#ending !== undefined || this.duplex.destroyed;
  }

  get unread(): number {
    return this.duplex.readableLength + this.#looked.reduce((sum, { length }) => sum + length, 0);
  }

  get unsent(): number {
    return this.duplex.writableLength;
  }

  get window(): number {
    return Math.max(0, this.duplex.readableHighWaterMark - this.duplex.readableLength);
  }

  #listen(): void {
    const { duplex } = this;
    // Node says it once, and it may have come before anyone listened.
    this.#endWaits = duplex.readableEnded;
    duplex.on('data', (chunk: Buffer) => this.#receiver?.onBytes(chunk, undefined));
    duplex.on('drain', () => this.#receiver?.onDrain());
    duplex.on('end', () => {
      if (this.#paused || this.#looked.length > 0) this.#endWaits = true;
      else this.#receiver?.onEnd();
    });
  }

  #joinTick(): void {
    this.#corked = true;
    this.duplex.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.duplex.uncork();
    });
  }

  /** What was put back, then what Node has, then an end that came while it was paused. */
  #deliverWaiting(): void {
    while (!this.#paused && !this.#told) {
      const bytes = this.#looked.shift();
      if (!bytes) break;
      this.#receiver?.onBytes(bytes, undefined);
    }
    if (this.#paused || this.#told) return;
    if (!this.#endWaits) return void this.duplex.resume();
    this.#endWaits = false;
    this.#receiver?.onEnd();
    if (this.#ending) this.#tellClose();
  }

  #over(reset: Reset | undefined): void {
    if (this.#ending) return;
    this.#ending = { reset };
    this.#whenClosed?.resolve(reset);
    this.#tellClose();
  }

  /** To destroy a stream that is being closed may reset it at the peer, of which nothing more was wanted. */
  #resetBy(error: NodeJS.ErrnoException | undefined): Reset | undefined {
    return this.#closing ? undefined : resetBy(this.duplex, error);
  }

  #tellClose(): void {
    if (!this.#receiver || !this.#ending || this.#told) return;
    // A clean close follows the end, which waits for the receiver; one that called `close` takes no end any more.
    if (this.#endWaits && !this.#ending.reset && !this.#closing) return;
    this.#told = true;
    this.#receiver.onClose(this.#ending.reset);
  }
}

/** The stream of Node's below a byte stream, for what takes it over. Another implementation has none. */
export function duplexOf(stream: ByteStream): Duplex {
  if (stream instanceof NodeStream) return stream.duplex;
  throw new TypeError('node:tls and node:http2 take streams of Node only');
}

function resetBy(duplex: Duplex, error: NodeJS.ErrnoException | undefined): Reset {
  const { rstCode } = duplex as { readonly rstCode?: number };
  const code: ResetCode | undefined = rstCode === undefined ? undefined : resetCodes[rstCode];
  return { code, error: error && !ordinary.has(error.code ?? '') ? error : undefined };
}
