import type { Release } from './peer-share.ts';

/** A session that can be left unread: what its peer sends waits in the connection. */
export interface Readable {
  pause(): void;
  resume(): void;
}

/** CONNECTs of one identity that wait for their turn, from which on none of its sessions is read. */
export const maxWaiting = 128;

/**
 * Leaves all sessions of one identity unread, for one of two reasons:
 *
 * - they bring more CONNECTs in one turn of the event loop than can be begun soon. Each stream costs memory and time
 *   before it can be refused, and fifty sessions with 200 streams each may arrive in the same turn.
 * - more of their bytes wait for applications than the identity may have, see `BufferLedger`.
 */
export class Backpressure {
  readonly #sessions = new Set<Readable>();
  #waiting = 0;
  #crowded = false;
  #filled = false;

  /** None of the sessions is read. */
  get paused(): boolean {
    return this.#crowded || this.#filled;
  }

  /** A session of the identity. Call what is returned when it has ended. */
  add(session: Readable): Release {
    this.#sessions.add(session);
    if (this.paused) session.pause();
    return () => void this.#sessions.delete(session);
  }

  /** A CONNECT has arrived on the session and waits for its turn. Call what is returned, once, when it has begun. */
  wait(session: Readable): Release {
    this.came(session);
    if (++this.#waiting >= maxWaiting) this.#set(true, this.#filled);
    return () => {
      if (--this.#waiting <= maxWaiting / 2) this.#set(false, this.#filled);
    };
  }

  /** Whether too many bytes wait for applications now. */
  fill(filled: boolean): void {
    this.#set(this.#crowded, filled);
  }

  /**
   * Something has come on the session. It is paused again where it should be, because an HTTP/2 session of Node reads on
   * by itself after a write, and is resumed after all others, which then come before it.
   */
  came(session: Readable): void {
    if (!this.paused) return;
    session.pause();
    if (this.#sessions.delete(session)) this.#sessions.add(session);
  }

  #set(crowded: boolean, filled: boolean): void {
    const before = this.paused;
    this.#crowded = crowded;
    this.#filled = filled;
    if (before === this.paused) return;
    for (const each of this.#sessions)
      if (before) each.resume();
      else each.pause();
  }
}
