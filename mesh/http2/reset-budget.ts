import type { Clock } from '../process/clock.ts';

/**
 * Resets of CONNECTs that the peer has not answered. Upstream's library ends a whole connection when 20 streams were
 * reset before its server took them up, and any server must see many of them as an attack. So at most ten are sent, and
 * ten more once the peer has answered a PING that came after them, half a second later at the earliest. The rest wait;
 * most end by themselves before it is their turn.
 */
const atOnce = 10;
const everyMillis = 500;

export class ResetBudget {
  readonly #clock: Clock;
  /** Calls back when the peer has read all that was sent until now; never when the session has ended. */
  readonly #whenRead: (then: () => void) => void;
  readonly #waiting = new Set<() => void>();
  #left = atOnce;

  constructor(clock: Clock, whenRead: (then: () => void) => void) {
    this.#clock = clock;
    this.#whenRead = whenRead;
  }

  /** Sends the reset now or when it is its turn. Returns how to withdraw it when it is no longer needed. */
  spend(send: () => void): () => void {
    if (this.#left === 0) {
      this.#waiting.add(send);
      return () => this.#waiting.delete(send);
    }
    if (this.#left === atOnce) this.#clock.after(everyMillis, () => this.#whenRead(() => this.#refill()));
    this.#left--;
    send();
    return () => undefined;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  #refill(): void {
    this.#left = atOnce;
    for (const send of this.#waiting) {
      if (this.#left === 0) return;
      this.#waiting.delete(send);
      this.spend(send);
    }
  }
}
