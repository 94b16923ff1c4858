/** Names that wait, each once, in the order in which they came. Looking at the first costs O(1) however many left before. */
export class NameQueue {
  readonly #names = new Set<string>();
  /** Kept between looks: a new iterator would step over every name that was deleted before the first one. */
  #iterator = this.#names.values();
  #first: string | undefined;

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  add(name: string): void {
    this.#names.add(name);
  }

  delete(name: string): void {
    this.#names.delete(name);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** The name that has waited longest; it stays until it is deleted. */
  get first(): string | undefined {
    while (this.#first === undefined || !this.#names.has(this.#first)) {
      const next = this.#iterator.next();
      this.#first = next.value;
      if (!next.done) continue;
      // Every name has left. An iterator that has ended stays at its end.
      this.#iterator = this.#names.values();
      return undefined;
    }
    return this.#first;
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#names.values();
  }
}
