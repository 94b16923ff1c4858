import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { CatalogDigests } from './catalog-digests.ts';
import { isSameAudience } from './audience.ts';
import type { Compiled } from './compiled.ts';

/** Compiled resources by name, and their digests: those of one type, or the policies for one trust domain. */
export class CompiledTable {
  readonly digests = new CatalogDigests();
  readonly #byName = new Map<string, Compiled>();

  /** Names of what is for the peers of a cluster, by that cluster: their groups for digests. */
  readonly #byOwner = new Map<ClusterName, Set<string>>();

  /** How much it keeps. */
  get size(): number {
    return this.#byName.size + this.#byOwner.size + this.digests.size;
  }

  /** Names in some groups for digests, and maybe more. */
  *namesIn(groups: Iterable<string>): Iterable<string> {
    for (const group of groups) yield* group === '' ? this.#byName.keys() : (this.#byOwner.get(group) ?? []);
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
    this.#own(before ?? after, name, after !== undefined);
    if (after) this.#byName.set(name, after);
    else this.#byName.delete(name);
    return true;
  }

  /** A name has the same owner as long as it is there. */
  #own(compiled: Compiled | undefined, name: string, isThere: boolean): void {
    if (compiled?.audience.kind !== 'peers') return;
    const { owner } = compiled.audience;
    const names = this.#byOwner.get(owner) ?? new Set<string>();
    if (isThere) names.add(name);
    else names.delete(name);
    if (names.size > 0) this.#byOwner.set(owner, names);
    else this.#byOwner.delete(owner);
  }
}

const isSame = (before: Compiled | undefined, after: Compiled | undefined): boolean =>
  before && after
    ? before.version === after.version && isSameAudience(before.audience, after.audience)
    : before === after;
