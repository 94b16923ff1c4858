import { connect, type Socket } from 'node:net';
import type { Clock } from '../../process/clock.ts';
import { type DialErrorCode, MeshError } from '../../process/mesh-error.ts';
import type { Random } from '../../process/random.ts';
import { tuned } from './tuned.ts';

export interface DialTarget {
  readonly address: string;
  readonly port: number;
  /** Bound before connecting; undefined lets the kernel choose. */
  readonly localAddress: string | undefined;
  readonly timeoutMillis: number;
  readonly signal?: AbortSignal;
}

const firstPort = 16_384;
const ports = 16_384;
/** Local addresses whose next port is remembered: pods come and go, and the one used longest ago gives way. */
const addresses = 1024;
/** How many taken ports are passed over before giving up. */
const tries = 64;

/**
 * Dials from a chosen local address and port. Binding with port 0 would hold a port of the whole machine through
 * TIME_WAIT, for every address alike; a rotating counter per local address uses each address's own ports in turn.
 */
export class BoundDialer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #next = new Map<string, number>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Throws DIAL_REFUSED, DIAL_TIMEOUT or DIAL_ABORTED naming the address. */
  async dial(target: DialTarget): Promise<Socket> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(target);
      } catch (error) {
        const { cause } = error as { cause?: NodeJS.ErrnoException };
        if (!isTaken(cause) || target.localAddress === undefined || attempt >= tries) throw error;
      }
    }
  }

  #once({ address, port, localAddress, timeoutMillis, signal }: DialTarget): Promise<Socket> {
    if (signal?.aborted)
      return Promise.reject(
        new MeshError('DIAL_ABORTED', `the dial to ${address}:${port} was cancelled before it began`),
      );
    return new Promise((resolve, reject) => {
      const bound =
        localAddress === undefined ? {} : { localAddress, localPort: this.#portFor(localAddress) };
      const socket = connect({ host: address, port, ...bound, allowHalfOpen: true });
      const fail = (code: DialErrorCode, why: string, cause?: unknown) => {
        settle();
        socket.on('error', () => undefined).destroy();
        reject(new MeshError(code, `${address}:${port} ${why}`, { cause }));
      };
      const timer = this.#clock.after(timeoutMillis, () =>
        fail('DIAL_TIMEOUT', `did not answer within ${timeoutMillis} ms; a network policy may block it`),
      );
      const aborted = () =>
        fail('DIAL_ABORTED', 'did not answer before the dial was cancelled; its client may have closed');
      const failed = (error: Error) => fail('DIAL_REFUSED', `cannot be reached: ${error.message}`, error);
      const settle = () => {
        timer.cancel();
        signal?.removeEventListener('abort', aborted);
        socket.off('error', failed);
      };
      signal?.addEventListener('abort', aborted, { once: true });
      socket.once('error', failed).once('connect', () => {
        settle();
        resolve(tuned(socket));
      });
    });
  }

  /** How many local addresses are remembered. */
  get remembered(): number {
    return this.#next.size;
  }

  #portFor(localAddress: string): number {
    const offset = this.#next.get(localAddress) ?? Math.floor(this.#random.fraction() * ports);
    this.#next.delete(localAddress);
    this.#next.set(localAddress, (offset + 1) % ports);
    if (this.#next.size > addresses) this.#next.delete(this.#next.keys().next().value ?? '');
    return firstPort + offset;
  }
}

/** Another connection has the port. An address that this machine does not have fails alike, but as it is bound. */
const isTaken = (cause: NodeJS.ErrnoException | undefined): boolean =>
  cause?.code === 'EADDRINUSE' || (cause?.code === 'EADDRNOTAVAIL' && cause.syscall !== 'bind');
