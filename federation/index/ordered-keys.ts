import type { KeyOrder } from '../state/indexes.ts';

/** More changes than these since the last look are merged in one pass; of fewer, each is put in its place. */
const fewChanges = 32;

/**
 * Keys in the order of their UTF-16 units, as `<` has it. What comes and goes is put in order at the next look: a hub that
 * starts adds a hundred thousand of them one by one.
 */
export class OrderedKeys<K extends string = string> implements KeyOrder<K> {
  #keys: K[] = [];
  readonly #all = new Set<K>();
  /** Keys that may be in the list and not among all, or the other way round. */
  readonly #changed = new Set<K>();

  get size(): number {
    return this.#all.size;
  }

  add(key: K): void {
    this.#all.add(key);
    this.#changed.add(key);
  }

  remove(key: K): void {
    if (this.#all.delete(key)) this.#changed.add(key);
  }

  range(prefix: string): { readonly from: number; readonly to: number } {
    return {
      from: this.#firstWhere((key) => key >= prefix),
      to: this.#firstWhere((key) => key > prefix && !key.startsWith(prefix)),
    };
  }

  slice(from: number, count: number): readonly K[] {
    return this.#ordered().slice(from, from + count);
  }

  after(key: string): number {
    return this.#firstWhere((one) => one > key);
  }

  [Symbol.iterator](): Iterator<K> {
    return this.#ordered()[Symbol.iterator]();
  }

  /** The index of the first key of which it holds; it must hold of all that follow. */
  #firstWhere(holds: (key: string) => boolean): number {
    const keys = this.#ordered();
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(keys[middle] ?? '')) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #ordered(): readonly K[] {
    if (this.#changed.size > fewChanges) this.#keys = [...this.#all].sort();
    else {
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const key of changed) this.#put(key);
    }
    this.#changed.clear();
    return this.#keys;
  }

  #put(key: K): void {
    const at = this.#firstWhere((one) => one >= key);
    const isListed = this.#keys[at] === key;
    const isThere = this.#all.has(key);
    if (isThere && !isListed) this.#keys.splice(at, 0, key);
    if (isListed && !isThere) this.#keys.splice(at, 1);
  }
}
