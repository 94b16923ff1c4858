import { now } from './now.ts';

/** What some peers will receive: they are named before it is sent, as it may come before anybody asks. */
export class Expected {
  readonly #missing: Set<number>;
  readonly #last = Promise.withResolvers<number>();

  constructor(peers: Iterable<number>) {
    this.#missing = new Set(peers);
    if (this.#missing.size === 0) this.#last.resolve(now());
  }

  /** A peer has it. */
  arrived(peer: number): void {
    if (this.#missing.delete(peer) && this.#missing.size === 0) this.#last.resolve(now());
  }

  /** How many do not have it yet. */
  get missing(): number {
    return this.#missing.size;
  }

  /** When the last one had it. */
  get last(): Promise<number> {
    return this.#last.promise;
  }
}
