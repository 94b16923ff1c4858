/**
 * Begins at most so many pieces of work in one turn of the event loop and leaves the rest for later turns, one piece of
 * each key after another. Between turns the loop serves what has arrived, and a key with many pieces does not delay a key
 * with few.
 */
export class Turns {
  readonly #perTurn: number;
  readonly #nextTurn: (run: () => void) => void;
  readonly #waiting = new Map<string, Set<() => void>>();
  #left: number;
  #armed = false;

  constructor(perTurn: number, nextTurn: (run: () => void) => void = setImmediate) {
    this.#perTurn = perTurn;
    this.#nextTurn = nextTurn;
    this.#left = perTurn;
  }

  /** Runs it now or in a later turn: pieces of one key in the order in which they came. */
  take(key: string, run: () => void): void {
    this.#arm();
    const waiting = this.#waiting.get(key);
    if (waiting) waiting.add(run);
    else if (this.#left === 0) this.#waiting.set(key, new Set([run]));
    else {
      this.#left--;
      run();
    }
  }

  /** Resolves when a piece of this key may begin. */
  next(key: string): Promise<void> {
    return new Promise((resolve) => this.take(key, resolve));
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#armed = false;
    this.#left = this.#perTurn;
    while (this.#left > 0 && this.#waiting.size > 0) this.#round();
    if (this.#waiting.size > 0) this.#arm();
  }

  /** One piece of each key. A key that was served moves to the end, so that the next turn begins with the others. */
  #round(): void {
    for (const [key, pieces] of [...this.#waiting]) {
      if (this.#left === 0) return;
      const [run] = pieces;
      this.#waiting.delete(key);
      if (!run) continue;
      pieces.delete(run);
      if (pieces.size > 0) this.#waiting.set(key, pieces);
      this.#left--;
      run();
    }
  }
}
