import type { Clock } from './clock.ts';

/**
 * Runs pieces of work in the order in which they came, in slices of a few milliseconds: between two slices the event loop
 * serves what has arrived. A piece is not divided: the last one of a slice may take longer. A caller that adds one piece at a
 * time waits for one piece of each of the others.
 */
export class Slices {
  readonly #clock: Clock;
  readonly #millis: number;
  readonly #nextTurn: (run: () => void) => void;
  readonly #pieces = new Set<{ readonly run: () => void }>();
  #isArmed = false;

  constructor(clock: Clock, millis = 5, nextTurn: (run: () => void) => void = setImmediate) {
    this.#clock = clock;
    this.#millis = millis;
    this.#nextTurn = nextTurn;
  }

  /** Pieces that have yet to run. */
  get size(): number {
    return this.#pieces.size;
  }

  /** Runs it in a later turn of the event loop. */
  add(run: () => void): void {
    this.#pieces.add({ run });
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#nextTurn(() => this.#slice());
  }

  #slice(): void {
    this.#isArmed = false;
    const end = this.#clock.monotonic() + this.#millis;
    try {
      for (const piece of this.#pieces) {
        this.#pieces.delete(piece);
        piece.run();
        if (this.#clock.monotonic() >= end) break;
      }
    } finally {
      if (this.#pieces.size > 0) this.#arm();
    }
  }
}
