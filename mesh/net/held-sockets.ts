import type { Clock, Timer } from '../process/clock.ts';
import type { ByteStream } from './byte-stream.ts';

/** As much of a connection as is used here. */
type Closable = Pick<ByteStream, 'close' | 'whenClosed'>;

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

  hold(connection: Closable): void {
    const [oldest] = this.#held.size >= maxHeld ? this.#held.keys() : [];
    if (oldest) this.#close(oldest);
    this.#held.set(
      connection,
      this.#clock.after(heldMillis, () => this.#close(connection)),
    );
    void connection.whenClosed.then(() => this.#forget(connection));
  }

  #close(connection: Closable): void {
    this.#forget(connection);
    connection.close();
  }

  #forget(connection: Closable): void {
    this.#held.get(connection)?.cancel();
    this.#held.delete(connection);
  }
}
