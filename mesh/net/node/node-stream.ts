import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { resetCodes, type ByteStream, type Receiver, type Reset, type ResetCode } from '../byte-stream.ts';
import type { Connection } from '../connection.ts';
import { cutOff, isPlain, wireOf, type Layer } from './layers.ts';
import type { LostPeers, Watched } from './lost-peers.ts';

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

/**
 * What carries so much between two looks may hold more in its kernel, before a reset. What carries less is read at once,
 * and to ask it would cost as much as to carry it.
 */
const busyBytes = 16 * 1024;

/** How a duplex of Node's has ended. */
interface Ending {
  readonly reset: Reset | undefined;
}

/**
 * A stream of Node's as a byte stream: a TCP connection, TLS over one, or a stream of HTTP/2. It is no Duplex around a
 * Duplex (0020): what Node delivers is passed on in the same call, and written where it is buffered anyway.
 */
export class NodeStream implements Connection, Layer, Watched {
  /** For the adapters of `node:tls` and `node:http2`, and for who accepts or dials sockets. */
  readonly duplex: Duplex;
  readonly below: NodeStream | undefined;
  readonly #lost: LostPeers | undefined;
  #receiver: Receiver | undefined;
  #listens = false;
  #paused = true;
  #looked: Buffer[] = [];
  #corked = false;
  #hasWritten = false;
  #closing = false;
  /** Its end has come and could not be delivered yet. */
  #endWaits = false;
  #ending: Ending | undefined;
  #isEndReported = false;
  #watched = false;
  /** Bytes both ways since it was last looked at. */
  #carried = 0;
  /** Made when it is asked for. */
  #whenClosed: PromiseWithResolvers<Reset | undefined> | undefined;

  /** `below`: what carries it, where that is not the kernel. `lost` notices resets while nobody reads, of all layers. */
  constructor(duplex: Duplex, below?: NodeStream, lost = below ? below.#lost : undefined) {
    this.duplex = duplex;
    this.below = below;
    this.#lost = lost;
    duplex.on('error', (error: NodeJS.ErrnoException) => this.#over(this.#resetBy(error)));
    duplex.on('close', () => this.#over(this.duplex.readableEnded ? undefined : this.#resetBy(undefined)));
    if (duplex.destroyed) this.#over(this.#resetBy(duplex.errored ?? undefined));
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#isEndReported = false;
    this.pause();
    // Node says it once: it may have come before anyone listened, or to the receiver before.
    this.#endWaits = this.duplex.readableEnded;
    if (!this.#listens) this.#listen();
    if (this.#ending) process.nextTick(() => this.#tellClose());
  }

  /**
   * The stream of Node's, for what takes the connection over: nothing comes to the receiver any more. What was put back
   * lies in its buffer.
   */
  handOver(): Duplex {
    this.#receiver = undefined;
    if (this.#watched) this.#lost?.forget(this);
    this.#watched = false;
    for (let bytes = this.#looked.pop(); bytes; bytes = this.#looked.pop()) this.duplex.unshift(bytes);
    return this.duplex;
  }

  pause(): void {
    this.#paused = true;
    this.duplex.pause();
    this.#watch();
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
    this.#hasWritten = true;
    this.#carry(bytes.length);
    const goOn = duplex.write(bytes);
    if (!goOn) this.#watch();
    return goOn;
  }

  end(): void {
    this.duplex.end();
  }

  close(): void {
    const { duplex } = this;
    this.#closing = true;
    if (this.#ending) process.nextTick(() => this.#tellClose());
    if (duplex.writableFinished || this.#owesNothing()) return void duplex.destroy();
    duplex.once('finish', () => duplex.destroy());
    if (!duplex.writableEnded) duplex.end();
  }

  reset(): void {
    cutOff(this);
  }

  mayBeLost(): boolean {
    const { duplex } = this;
    this.#watched =
      this.#carried >= busyBytes || duplex.readableFlowing !== true || duplex.writableLength > 0;
    this.#carried = 0;
    return this.#watched;
  }

  get wire(): Socket | undefined {
    return wireOf(this);
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

  get bytesRead(): number {
    return (this.duplex as Partial<Socket>).bytesRead ?? 0;
  }

  #listen(): void {
    this.#listens = true;
    const { duplex } = this;
    duplex.on('data', (chunk: Buffer) => {
      this.#carry(chunk.length);
      this.#receiver?.onBytes(chunk, undefined);
    });
    duplex.on('drain', () => this.#receiver?.onDrain());
    duplex.on('end', () => {
      if (this.#paused || this.#looked.length > 0) this.#endWaits = true;
      else this.#receiver?.onEnd();
    });
  }

  /** Nothing waits to be taken, and no end has to be said: by TCP the kernel says it of what is destroyed. */
  #owesNothing(): boolean {
    const { duplex } = this;
    if (duplex.writableEnded) return false;
    return !this.#hasWritten || (isPlain(duplex) && duplex.writableLength === 0);
  }

  #carry(bytes: number): void {
    this.#carried += bytes;
    if (this.#carried >= busyBytes) this.#watch();
  }

  #watch(): void {
    if (this.#watched || this.#ending || !this.#lost) return;
    this.#watched = true;
    this.#lost.watch(this);
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
    while (!this.#paused && !this.#isEndReported) {
      const bytes = this.#looked.shift();
      if (!bytes) break;
      this.#receiver?.onBytes(bytes, undefined);
    }
    if (this.#paused || this.#isEndReported) return;
    if (!this.#endWaits) return void this.duplex.resume();
    this.#endWaits = false;
    this.#receiver?.onEnd();
    if (this.#ending) this.#tellClose();
  }

  #over(reset: Reset | undefined): void {
    if (this.#ending) return;
    this.#ending = { reset };
    if (this.#watched) this.#lost?.forget(this);
    this.#whenClosed?.resolve(reset);
    this.#tellClose();
  }

  /** To destroy a stream that is being closed may reset it at the peer, of which nothing more was wanted. */
  #resetBy(error: NodeJS.ErrnoException | undefined): Reset | undefined {
    return this.#closing ? undefined : resetBy(this.duplex, error);
  }

  #tellClose(): void {
    if (!this.#receiver || !this.#ending || this.#isEndReported) return;
    // A clean close follows the end, which waits for the receiver; one that called `close` takes no end any more.
    if (this.#endWaits && !this.#ending.reset && !this.#closing) return;
    this.#isEndReported = true;
    this.#receiver.onClose(this.#ending.reset);
  }
}

/** A byte stream as one of Node's, for the adapters of `node:tls` and `node:http2`. Another implementation is none. */
export function nodeStreamOf(stream: ByteStream): NodeStream {
  if (stream instanceof NodeStream) return stream;
  throw new TypeError('node:tls and node:http2 take streams of Node only');
}

function resetBy(duplex: Duplex, error: NodeJS.ErrnoException | undefined): Reset {
  const { rstCode } = duplex as { readonly rstCode?: number };
  const code: ResetCode | undefined = rstCode === undefined ? undefined : resetCodes[rstCode];
  return { code, error: error && !ordinary.has(error.code ?? '') ? error : undefined };
}
