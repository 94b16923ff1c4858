import { connect, type Socket } from 'node:net';
import type { Clock } from '../../process/clock.ts';
import type { Random } from '../../process/random.ts';
import { abortedBefore, whenConnected, type Dialled } from './when-connected.ts';

export interface DialTarget extends Dialled {
  /** Bound before connecting; undefined lets the kernel choose. */
  readonly localAddress: string | undefined;
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
    if (signal?.aborted) return Promise.reject(abortedBefore({ address, port }));
    const bound = localAddress === undefined ? {} : { localAddress, localPort: this.#portFor(localAddress) };
    const socket = connect({ host: address, port, ...bound, allowHalfOpen: true });
    return whenConnected(socket, { address, port, timeoutMillis, ...(signal && { signal }) }, this.#clock);
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
