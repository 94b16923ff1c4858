/** CONNECTs that are begun in one turn of the event loop; each takes some hundred microseconds. */
const eachTurn = 32;

/**
 * Begins so much work in one turn of the event loop and leaves the rest for the next ones, one piece of each identity
 * after another. The first few hundred CONNECTs of fifty sessions arrive in one turn, and whoever carries bytes would
 * wait for all of them.
 */
export class FairTurns {
  readonly #nextTurn: (run: () => void) => void;
  readonly #waiting = new Map<string, Set<() => void>>();
  #left = eachTurn;
  #armed = false;

  constructor(nextTurn: (run: () => void) => void = setImmediate) {
    this.#nextTurn = nextTurn;
  }

  /** Runs it now or in a later turn: pieces of one identity in the order in which they came. */
  take(identity: string, run: () => void): void {
    this.#arm();
    const waiting = this.#waiting.get(identity);
    if (waiting) waiting.add(run);
    else if (this.#left === 0) this.#waiting.set(identity, new Set([run]));
    else {
      this.#left--;
      run();
    }
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#armed = false;
    this.#left = eachTurn;
    while (this.#left > 0 && this.#waiting.size > 0) this.#round();
    if (this.#waiting.size > 0) this.#arm();
  }

  /** One piece of each; who was served stands last, so that the next turn goes on with those that were not. */
  #round(): void {
    for (const [identity, pieces] of [...this.#waiting]) {
      if (this.#left === 0) return;
      const [run] = pieces;
      this.#waiting.delete(identity);
      if (!run) continue;
      pieces.delete(run);
      if (pieces.size > 0) this.#waiting.set(identity, pieces);
      this.#left--;
      run();
    }
  }
}
