/** Several values under one key, in the order in which they came. A key without values is gone. */
export class IndexMap<V> {
  readonly #sets = new Map<string, Set<V>>();

  add(key: string, value: V): void {
    const set = this.#sets.get(key);
    if (set) set.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  delete(key: string, value: V): void {
    const set = this.#sets.get(key);
    set?.delete(value);
    if (set?.size === 0) this.#sets.delete(key);
  }

  get(key: string): readonly V[] {
    return [...(this.#sets.get(key) ?? [])];
  }
}
