import type { Random } from '../process/random.ts';
import { Fenwick } from './fenwick.ts';

interface Held {
  /** In the tree when the item has a weight, else among those that have none. */
  slot: number;
  weight: number;
}

/**
 * Items with weights, from which one can be drawn by weight in the logarithm of their number. Weights are integers of
 * 0 to 2^32 - 1. In a slot that becomes free stands what stood in the last one.
 */
export class WeightedSet<T> {
  readonly #held = new Map<T, Held>();
  readonly #sums = new Fenwick();
  readonly #weighted: T[] = [];
  readonly #weightless: T[] = [];
  /** Drawn and not put back. */
  readonly #taken: Held[] = [];
  #takenWeightless = 0;

  /** Adds an item, or gives it another weight: log n. */
  set(item: T, weight: number): void {
    const held = this.#held.get(item);
    if (held?.weight === weight) return;
    if (held && held.weight > 0 && weight > 0) {
      this.#sums.add(held.slot, weight - held.weight);
      held.weight = weight;
      return;
    }
    this.delete(item);
    const list = weight > 0 ? this.#weighted : this.#weightless;
    this.#held.set(item, { slot: list.length, weight });
    if (weight > 0) this.#sums.add(list.length, weight);
    list.push(item);
  }

  /** Whether the item was there: log n. */
  delete(item: T): boolean {
    const held = this.#held.get(item);
    if (!held) return false;
    this.#held.delete(item);
    const { slot, weight } = held;
    const isWeighted = weight > 0;
    if (isWeighted) this.#sums.add(slot, -weight);
    this.#fill(isWeighted ? this.#weighted : this.#weightless, slot);
    return true;
  }

  get size(): number {
    return this.#held.size;
  }

  /** The sum of all weights that are not taken; exact up to 2^53. */
  get total(): number {
    return this.#sums.total;
  }

  /** How many items of weight 0 are not taken. */
  get weightless(): number {
    return this.#weightless.length - this.#takenWeightless;
  }

  items(): Iterable<T> {
    return this.#held.keys();
  }

  /** For `draw`: takes the item of weight on which a point falls, 0 <= point < total. */
  takeAt(point: number): T {
    const slot = this.#sums.slotAt(point);
    const item = this.#weighted[slot] as T;
    const held = this.#held.get(item) as Held;
    this.#sums.add(slot, -held.weight);
    this.#taken.push(held);
    return item;
  }

  /** For `draw`: takes one of the items without weight, 0 <= index < weightless. */
  takeWeightless(index: number): T {
    const last = this.weightless - 1;
    const [drawn, other] = [this.#weightless[index] as T, this.#weightless[last] as T];
    this.#place(this.#weightless, drawn, last);
    this.#place(this.#weightless, other, index);
    this.#takenWeightless++;
    return drawn;
  }

  /** For `draw`: puts all back that were taken. */
  putBack(): void {
    for (const { slot, weight } of this.#taken) this.#sums.add(slot, weight);
    this.#taken.length = 0;
    this.#takenWeightless = 0;
  }

  /** Lets the last of a list take the place of one that has gone. */
  #fill(list: T[], slot: number): void {
    const last = list.pop() as T;
    if (slot === list.length) return;
    const { weight } = this.#held.get(last) as Held;
    if (weight > 0) {
      this.#sums.add(list.length, -weight);
      this.#sums.add(slot, weight);
    }
    this.#place(list, last, slot);
  }

  #place(list: T[], item: T, slot: number): void {
    list[slot] = item;
    (this.#held.get(item) as Held).slot = slot;
  }
}

/**
 * Draws from sets that share no item, without putting back, by weight, until `visit` returns false, nothing is left, or
 * `max` were drawn. Items of weight 0 come last, uniformly. All are put back before it returns: `visit` must not change
 * the sets. Each draw costs the number of sets, and the logarithm of the size of one. Returns how many were drawn.
 */
export function draw<T>(
  sets: readonly WeightedSet<T>[],
  random: Random,
  max: number,
  visit: (item: T) => boolean,
): number {
  try {
    for (let drawn = 0; drawn < max; drawn++) {
      const taken = takeFrom(sets, random);
      if (!taken) return drawn;
      if (!visit(taken.item)) return drawn + 1;
    }
    return max;
  } finally {
    for (const set of sets) set.putBack();
  }
}

function takeFrom<T>(sets: readonly WeightedSet<T>[], random: Random): { readonly item: T } | undefined {
  const byWeight = pick(sets, random, (set) => set.total);
  if (byWeight) return { item: byWeight.set.takeAt(byWeight.point) };
  const anyOf = pick(sets, random, (set) => set.weightless);
  return anyOf && { item: anyOf.set.takeWeightless(anyOf.point) };
}

/** A point on the line of all sets, each as wide as `width` says, and the set on which it falls. */
function pick<T>(
  sets: readonly WeightedSet<T>[],
  random: Random,
  width: (set: WeightedSet<T>) => number,
): { readonly set: WeightedSet<T>; readonly point: number } | undefined {
  const total = sets.reduce((sum, set) => sum + width(set), 0);
  if (total === 0) return undefined;
  // Rounding may carry a point to the very end of the line.
  let point = Math.min(Math.floor(random.fraction() * total), total - 1);
  for (const set of sets) {
    const wide = width(set);
    if (point < wide) return { set, point };
    point -= wide;
  }
  return undefined;
}
