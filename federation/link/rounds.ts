/** Pieces of work that run in the order in which they came, between other work of the event loop. */
interface Pieces {
  add(run: () => void): void;
}

/**
 * Visits what is marked, in the order of the marks. What is marked again before its visit is visited once; what is marked
 * after it is visited again after all others that were marked by then.
 */
export class Rounds {
  readonly #pieces: Pieces;
  readonly #marked = new Set<() => void>();

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
  }

  get size(): number {
    return this.#marked.size;
  }

  /** `visit` is one function for the life of what is visited. */
  mark(visit: () => void): void {
    if (this.#marked.has(visit)) return;
    this.#marked.add(visit);
    this.#pieces.add(() => {
      if (this.#marked.delete(visit)) visit();
    });
  }

  /** Takes a mark back: the visit does not run. */
  remove(visit: () => void): void {
    this.#marked.delete(visit);
  }
}
