import type { Random } from '../process/random.ts';

/**
 * Items in a random order in which each place goes to one of the rest by weight, drawn only as far as they are asked
 * for: a caller that needs three of a thousand draws three times. Items of weight 0 come when nothing else is left.
 */
export function* weightedDraw<T>(
  items: readonly T[],
  weight: (item: T) => number,
  random: Random,
): Generator<T, undefined> {
  const left = items.map((item) => ({ item, weight: Math.max(0, weight(item)) }));
  while (left.length > 0) {
    const total = left.reduce((sum, one) => sum + one.weight, 0);
    const index = total > 0 ? indexAt(left, random.fraction() * total) : indexOf(left, random);
    const [drawn] = left.splice(index, 1);
    if (drawn) yield drawn.item;
  }
}

const indexOf = (items: readonly unknown[], random: Random): number =>
  Math.floor(random.fraction() * items.length);

/** Up to `most` of `weightedDraw`. */
export function weightedOrder<T>(
  items: readonly T[],
  weight: (item: T) => number,
  random: Random,
  most: number,
): T[] {
  return weightedDraw(items, weight, random).take(most).toArray();
}

/** Where a point on the line of all weights falls; rounding may push it past the end, to the last that has weight. */
function indexAt(items: readonly { readonly weight: number }[], point: number): number {
  let left = point;
  const index = items.findIndex(({ weight }) => (left -= weight) < 0);
  return index >= 0 ? index : items.findLastIndex(({ weight }) => weight > 0);
}
