const none: ReadonlySet<never> = new Set();

/** Sets of values by key. A set that becomes empty is dropped. */
export class Sets<Key, Value> {
  readonly #sets = new Map<Key, Set<Value>>();

  add(key: Key, value: Value): void {
    const known = this.#sets.get(key);
    if (known) known.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  delete(key: Key, value: Value): void {
    const known = this.#sets.get(key);
    if (known?.delete(value) && known.size === 0) this.#sets.delete(key);
  }

  /** Removes all values of a key. */
  drop(key: Key): void {
    this.#sets.delete(key);
  }

  /** Adds a value under `after` and takes it away from what is in `before` alone. */
  move(value: Value, before: Iterable<Key>, after: Iterable<Key>): void {
    const now = new Set(after);
    for (const key of before) if (!now.has(key)) this.delete(key, value);
    for (const key of now) this.add(key, value);
  }

  /** In the order in which they were added. */
  get(key: Key): ReadonlySet<Value> {
    return this.#sets.get(key) ?? none;
  }

  keys(): Iterable<Key> {
    return this.#sets.keys();
  }
}
