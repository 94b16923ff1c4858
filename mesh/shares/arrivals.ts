import type { Release } from './peer-share.ts';

/** A session that can be left unread: what its peer sends waits in the connection. */
export interface Readable {
  pause(): void;
  resume(): void;
}

/** CONNECTs of one identity that wait for their turn, from which on none of its sessions is read. */
export const mostWaiting = 128;

/**
 * Keeps the sessions of one identity from bringing more CONNECTs in one turn of the event loop than can be begun soon.
 * Each stream costs memory and time before it can be refused, and fifty sessions with 200 streams each may arrive in the
 * same turn.
 */
export class Arrivals {
  readonly #sessions = new Set<Readable>();
  #waiting = 0;
  #paused = false;

  /** A session of the identity. Call what is returned when it has ended. */
  add(session: Readable): Release {
    this.#sessions.add(session);
    if (this.#paused) session.pause();
    return () => void this.#sessions.delete(session);
  }

  /** A CONNECT has arrived on the session and waits for its turn. Call what is returned, once, when it has begun. */
  wait(session: Readable): Release {
    if (++this.#waiting >= mostWaiting) this.#pause(session);
    return () => {
      if (--this.#waiting <= mostWaiting / 2 && this.#paused) this.#resume();
    };
  }

  /** The one that brought it is paused again: an HTTP/2 session of Node reads on by itself after a write. */
  #pause(session: Readable): void {
    if (this.#paused) return session.pause();
    this.#paused = true;
    for (const each of this.#sessions) each.pause();
  }

  #resume(): void {
    this.#paused = false;
    for (const each of this.#sessions) each.resume();
  }
}
