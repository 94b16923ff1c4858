/**
 * Spreads work that would hold up the event loop: at most so many pieces begin in one turn of it, in the order in which
 * they were asked for, and between turns the loop serves what has come meanwhile.
 */
export class Turns {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #begun = 0;
  #armed = false;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Resolves when the piece may begin. */
  next(): Promise<void> {
    this.#arm();
    if (this.#begun < this.#perTurn && this.#waiting.length === 0) {
      this.#begun++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => {
      this.#armed = false;
      const next = this.#waiting.splice(0, this.#perTurn);
      this.#begun = next.length;
      if (next.length > 0) this.#arm();
      for (const begin of next) begin();
    });
  }
}
