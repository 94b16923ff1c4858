/**
 * Sums of a list of numbers that change: a Fenwick tree. Slots count from 0, and what was never set is 0. Sums are
 * exact while the total is below 2^53 and all values are integers.
 */
export class Fenwick {
  /** `#tree[i]` is the sum of the values whose slots end at `i - 1` and begin where the lowest bit of `i` says. */
  #tree = new Float64Array(9);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Adds to the value of a slot. */
  add(slot: number, amount: number): void {
    while (slot >= this.#tree.length - 1) this.#double();
    this.#total += amount;
    for (let at = slot + 1; at < this.#tree.length; at += at & -at)
      this.#tree[at] = (this.#tree[at] ?? 0) + amount;
  }

  /** The slot on which a point falls, where slots lie side by side, as wide as their values. 0 <= point < total. */
  slotAt(point: number): number {
    let [slot, left] = [0, point];
    for (let step = this.#tree.length - 1; step >= 1; step /= 2) {
      const sum = this.#tree[slot + step];
      if (sum === undefined || sum > left) continue;
      slot += step;
      left -= sum;
    }
    return slot;
  }

  /** The size is a power of two, so that the new last entry alone covers old slots: all of them. */
  #double(): void {
    const size = (this.#tree.length - 1) * 2;
    const tree = new Float64Array(size + 1);
    tree.set(this.#tree);
    tree[size] = this.#total;
    this.#tree = tree;
  }
}
