import { CatalogDigests } from './catalog-digests.ts';
import { isSameAudience } from './audience.ts';
import type { Compiled } from './compiled.ts';

/** Compiled resources by name, and their digests: those of one type, or the policies for one trust domain. */
export class CompiledTable {
  readonly digests = new CatalogDigests();
  readonly #byName = new Map<string, Compiled>();

  /** How much it keeps. */
  get size(): number {
    return this.#byName.size + this.digests.size;
  }

  get(name: string): Compiled | undefined {
    return this.#byName.get(name);
  }

  names(): Iterable<string> {
    return this.#byName.keys();
  }

  values(): Iterable<Compiled> {
    return this.#byName.values();
  }

  /**
   * Sets what is under a name; undefined: nothing any more. False when it has the version and the audience of before: then
   * the object of before stays.
   */
  replace(name: string, after: Compiled | undefined): boolean {
    const before = this.#byName.get(name);
    if (isSame(before, after)) return false;
    this.digests.replace(before, after);
    if (after) this.#byName.set(name, after);
    else this.#byName.delete(name);
    return true;
  }
}

const isSame = (before: Compiled | undefined, after: Compiled | undefined): boolean =>
  before && after
    ? before.version === after.version && isSameAudience(before.audience, after.audience)
    : before === after;
