/** Earlier tokens that must not be recorded either, wherever a caller has put one. */
const maxKnown = 16;

/** Printable, one word, and too long to be guessed. */
export const isAdminToken = (text: string): boolean => /^[\x21-\x7e]{32,4096}$/.test(text);

/** The token that the API lets in, which may be replaced while the hub runs. */
export class AdminToken {
  /** The newest first. */
  readonly #known: string[];
  readonly #listeners = new Set<() => void>();

  constructor(token: string) {
    this.#known = [token];
  }

  get current(): string {
    return this.#known[0] ?? '';
  }

  /** This one and those before it: what no record may have. It is changed in place. */
  get known(): readonly string[] {
    return this.#known;
  }

  /** Calls when another token counts: what the one before was let into ends. */
  onReplace(listener: () => void): void {
    this.#listeners.add(listener);
  }

  replace(token: string): void {
    this.#known.unshift(token);
    this.#known.splice(maxKnown);
    for (const listener of this.#listeners) listener();
  }
}
