import type { Clock, Timer } from '../process/clock.ts';

/** As much of a socket as is used here. */
interface Closable {
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** How long a refused connection is held, milliseconds, and how many are at once. */
export const heldMillis = 1000;
export const maxHeld = 256;

/**
 * Refused connections, which nobody reads and which are closed a second later. A peer that is closed at once comes back
 * at once, and to accept a connection costs more than to keep one. Where there are too many, the oldest is closed.
 */
export class HeldSockets {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #held = new Map<Closable, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#held.size;
  }

  hold(socket: Closable): void {
    const [oldest] = this.#held.size >= maxHeld ? this.#held.keys() : [];
    if (oldest) this.#close(oldest);
    this.#held.set(
      socket,
      this.#clock.after(heldMillis, () => this.#close(socket)),
    );
    socket.once('close', () => this.#forget(socket));
  }

  #close(socket: Closable): void {
    this.#forget(socket);
    socket.destroy();
  }

  #forget(socket: Closable): void {
    this.#held.get(socket)?.cancel();
    this.#held.delete(socket);
  }
}
