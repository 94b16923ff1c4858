/** A part that is made after parts which need it. They read it while the agent runs, not while they are made. */
export class Late<Part> {
  readonly #name: string;
  #part: Part | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  set(part: Part): Part {
    this.#part = part;
    return part;
  }

  /** Undefined while it has yet to be made. */
  get made(): Part | undefined {
    return this.#part;
  }

  get part(): Part {
    if (this.#part === undefined) throw new Error(`${this.#name} was read before it was made`);
    return this.#part;
  }
}
