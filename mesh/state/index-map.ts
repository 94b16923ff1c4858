/** More than one value, and the same as an array: made when first read after a change, as reads are per connection. */
interface Many<V> {
  readonly values: Set<V>;
  list: readonly V[] | undefined;
}

const none: readonly never[] = Object.freeze([]);

/**
 * Several values under one key, in the order in which they came. A key without values is gone. Most keys have one value,
 * which takes a tenth of the memory that a set takes.
 */
export class IndexMap<V> {
  readonly #entries = new Map<string, readonly [V] | Many<V>>();

  add(key: string, value: V): void {
    const entry = this.#entries.get(key);
    if (!entry) this.#entries.set(key, [value]);
    else if (isMany(entry)) {
      entry.values.add(value);
      entry.list = undefined;
    } else if (entry[0] !== value)
      this.#entries.set(key, { values: new Set([entry[0], value]), list: undefined });
  }

  delete(key: string, value: V): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    if (!isMany(entry)) {
      if (entry[0] === value) this.#entries.delete(key);
      return;
    }
    if (!entry.values.delete(value)) return;
    entry.list = undefined;
    if (entry.values.size > 1) return;
    const [last] = entry.values as Iterable<V>;
    this.#entries.set(key, [last as V]);
  }

  get(key: string): readonly V[] {
    const entry = this.#entries.get(key);
    if (!entry) return none;
    return isMany(entry) ? (entry.list ??= [...entry.values]) : entry;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** How many keys have values; for tests and dumps. */
  get size(): number {
    return this.#entries.size;
  }
}

const isMany = <V>(entry: readonly [V] | Many<V>): entry is Many<V> => !Array.isArray(entry);
