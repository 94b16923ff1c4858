/** What differs from the base: a value in the place of the base's, a name that is gone, or one that comes after all of the base. */
type Layered<V> =
  | { readonly kind: 'replaced'; readonly value: V }
  | { readonly kind: 'removed' }
  | { readonly kind: 'added'; readonly value: V };

/** The least number of differences that are kept before a new base is made. */
const leastDifferences = 16;

/**
 * An immutable map of which the next value costs the square root of its size and not its size: both share a base, and
 * each has its few differences from that. Its order is that of a `Map` after the same changes.
 */
export class LayeredMap<V> implements ReadonlyMap<string, V> {
  readonly size: number;
  readonly #base: ReadonlyMap<string, V>;
  readonly #over: ReadonlyMap<string, Layered<V>>;

  private constructor(base: ReadonlyMap<string, V>, over: ReadonlyMap<string, Layered<V>>, size: number) {
    this.#base = base;
    this.#over = over;
    this.size = size;
  }

  /** `base` is not changed by anybody from now on. */
  static of<V>(base: ReadonlyMap<string, V>): LayeredMap<V> {
    return base instanceof LayeredMap ? (base as LayeredMap<V>) : new LayeredMap(base, new Map(), base.size);
  }

  /** The next value after some changes, in their order; undefined: the name is gone. */
  with(changes: readonly (readonly [name: string, value: V | undefined])[]): LayeredMap<V> {
    const over = new Map(this.#over);
    let { size } = this;
    for (const [name, value] of changes) {
      const had = isThere(this.#base, over, name);
      if (value === undefined) remove(this.#base, over, name);
      else put(this.#base, over, name, value);
      size += Number(value !== undefined) - Number(had);
    }
    const next = new LayeredMap(this.#base, over, size);
    const isMuch = over.size > leastDifferences && over.size * over.size > this.#base.size;
    return isMuch ? LayeredMap.of(new Map(next)) : next;
  }

  /** How many entries the next value copies. */
  get differences(): number {
    return this.#over.size;
  }

  get(name: string): V | undefined {
    const over = this.#over.get(name);
    if (over === undefined) return this.#base.get(name);
    return over.kind === 'removed' ? undefined : over.value;
  }

  has(name: string): boolean {
    return isThere(this.#base, this.#over, name);
  }

  *entries(): Generator<[string, V], undefined> {
    for (const [name, value] of this.#base) {
      const over = this.#over.get(name);
      if (over === undefined) yield [name, value];
      else if (over.kind === 'replaced') yield [name, over.value];
    }
    for (const [name, over] of this.#over) if (over.kind === 'added') yield [name, over.value];
  }

  *keys(): Generator<string, undefined> {
    if (this.#over.size === 0) yield* this.#base.keys();
    else for (const [name] of this.entries()) yield name;
  }

  *values(): Generator<V, undefined> {
    if (this.#over.size === 0) yield* this.#base.values();
    else for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries();
  }

  forEach(each: (value: V, name: string, all: ReadonlyMap<string, V>) => void): void {
    for (const [name, value] of this.entries()) each(value, name, this);
  }
}

function isThere(
  base: ReadonlyMap<string, unknown>,
  over: ReadonlyMap<string, Layered<unknown>>,
  name: string,
): boolean {
  const layered = over.get(name);
  return layered === undefined ? base.has(name) : layered.kind !== 'removed';
}

function put<V>(base: ReadonlyMap<string, V>, over: Map<string, Layered<V>>, name: string, value: V): void {
  const layered = over.get(name);
  if (layered === undefined && base.has(name)) over.set(name, { kind: 'replaced', value });
  else if (layered?.kind === 'replaced' || layered?.kind === 'added') over.set(name, { ...layered, value });
  else {
    // A name that comes back comes last.
    over.delete(name);
    over.set(name, { kind: 'added', value });
  }
}

function remove<V>(base: ReadonlyMap<string, V>, over: Map<string, Layered<V>>, name: string): void {
  if (base.has(name)) over.set(name, { kind: 'removed' });
  else over.delete(name);
}
