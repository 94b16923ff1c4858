import type { KnownVersions } from './known-versions.ts';
import type { ProducedResources } from './produced.ts';

/**
 * What a consumer holds, kept as the difference from what there is now, which many consumers share: one that is up to
 * date costs nothing by name. Its owner calls `keep` for each name of which `current` has another version than before,
 * before anything else is read or written here.
 */
export class SharedVersions implements KnownVersions {
  readonly #current: ProducedResources;
  /** Names that are held otherwise than `current` has them; undefined: in no version. */
  readonly #others = new Map<string, string | undefined>();

  /** `held`: what the consumer says that it holds; `ALL`: everything, as it is now. */
  constructor(current: ProducedResources, held: ReadonlyMap<string, string> | 'ALL') {
    this.#current = current;
    if (held === 'ALL') return;
    for (const name of current.keys()) if (!held.has(name)) this.#others.set(name, undefined);
    for (const [name, version] of held) this.set(name, version);
  }

  /** Names that it remembers by themselves. */
  get size(): number {
    return this.#others.size;
  }

  get(name: string): string | undefined {
    return this.#others.has(name) ? this.#others.get(name) : this.#current.get(name)?.version;
  }

  set(name: string, version: string): void {
    this.#remember(name, version);
  }

  delete(name: string): void {
    this.#remember(name, undefined);
  }

  *keys(): Iterable<string> {
    for (const [name, version] of this.#others) if (version !== undefined) yield name;
    for (const name of this.#current.keys()) if (!this.#others.has(name)) yield name;
  }

  others(): Iterable<string> {
    return this.#others.keys();
  }

  /** What is held of a name that `current` had in the version `before`, unless something else of it is held. */
  keep(name: string, before: string | undefined): void {
    this.#remember(name, this.#others.has(name) ? this.#others.get(name) : before);
  }

  #remember(name: string, version: string | undefined): void {
    if (this.#current.get(name)?.version === version) this.#others.delete(name);
    else this.#others.set(name, version);
  }
}
