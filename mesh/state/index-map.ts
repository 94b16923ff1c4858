interface Entry<V> {
  readonly values: Set<V>;
  /** The same as an array, made when first read after a change: reads are per connection, changes per push. */
  list: readonly V[] | undefined;
}

const none: readonly never[] = Object.freeze([]);

/** Several values under one key, in the order in which they came. A key without values is gone. */
export class IndexMap<V> {
  readonly #entries = new Map<string, Entry<V>>();

  add(key: string, value: V): void {
    const entry = this.#entries.get(key);
    if (!entry) {
      this.#entries.set(key, { values: new Set([value]), list: undefined });
      return;
    }
    entry.values.add(value);
    entry.list = undefined;
  }

  delete(key: string, value: V): void {
    const entry = this.#entries.get(key);
    if (!entry?.values.delete(value)) return;
    entry.list = undefined;
    if (entry.values.size === 0) this.#entries.delete(key);
  }

  get(key: string): readonly V[] {
    const entry = this.#entries.get(key);
    if (!entry) return none;
    entry.list ??= [...entry.values];
    return entry.list;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** How many keys have values; for tests and dumps. */
  get size(): number {
    return this.#entries.size;
  }
}
