/** What ends when, the earliest first. Setting and taking cost O(log n). */
export class Expiries<Key> {
  readonly #at = new Map<Key, number>();
  /** A binary heap. An entry whose time is not that of its key any more counts for nothing. */
  #heap: { readonly key: Key; readonly at: number }[] = [];

  /** Infinity: it never ends. */
  set(key: Key, at: number): void {
    if (this.#at.get(key) === at) return;
    this.delete(key);
    if (at === Infinity) return;
    this.#at.set(key, at);
    this.#push(key, at);
    if (this.#heap.length > 2 * this.#at.size + 64) this.#rebuild();
  }

  delete(key: Key): void {
    this.#at.delete(key);
  }

  /** When the first ends; Infinity when nothing does. */
  get next(): number {
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (this.#at.get(first.key) === first.at) return first.at;
      this.#pop();
    }
    return Infinity;
  }

  /** Takes out what has ended. */
  *due(now: number): Iterable<Key> {
    while (this.next <= now) {
      const key = this.#heap[0]?.key;
      this.#pop();
      if (key === undefined) return;
      this.#at.delete(key);
      yield key;
    }
  }

  #rebuild(): void {
    this.#heap = [...this.#at].map(([key, at]) => ({ key, at })).sort((a, b) => a.at - b.at);
  }

  #push(key: Key, at: number): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push({ key, at });
    while (i > 0) {
      const above = (i - 1) >> 1;
      if (!this.#swapUnlessInOrder(above, i)) return;
      i = above;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    let i = 0;
    for (;;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      const below = (heap[right]?.at ?? Infinity) < (heap[left]?.at ?? Infinity) ? right : left;
      if (below >= heap.length || !this.#swapUnlessInOrder(i, below)) return;
      i = below;
    }
  }

  #swapUnlessInOrder(above: number, below: number): boolean {
    const [a, b] = [this.#heap[above], this.#heap[below]];
    if (!a || !b || a.at <= b.at) return false;
    this.#heap[above] = b;
    this.#heap[below] = a;
    return true;
  }
}
