import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../process/clock.ts';

/** What the handle of a socket can do, of which node:http2 shows nothing. */
interface Handle {
  readStart(): number;
  readStop(): number;
}

const handleOf = (socket: TLSSocket): Handle | undefined =>
  (socket as unknown as { readonly _handle?: Handle | null })._handle ?? undefined;

/**
 * Whether the connection below an HTTP/2 session is read. node:http2 has no call for that, and forbids `pause` of the
 * socket that a session has taken over; see docs/adr/0065.
 */
export class Reading {
  readonly #socket: TLSSocket;
  readonly #clock: Clock;
  #stopped = false;
  #lastStopped = -Infinity;

  constructor(socket: TLSSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** TCP holds the peer up, until `start` or until the session writes. */
  stop(): void {
    this.#stopped = true;
    handleOf(this.#socket)?.readStop();
  }

  /** Reads on, also where reading had not stopped. */
  start(): void {
    if (this.#stopped) this.#lastStopped = this.#clock.monotonic();
    this.#stopped = false;
    handleOf(this.#socket)?.readStart();
  }

  /** Monotonic, when it was last stopped: now where it still is. */
  get lastStopped(): number {
    return this.#stopped ? this.#clock.monotonic() : this.#lastStopped;
  }
}
