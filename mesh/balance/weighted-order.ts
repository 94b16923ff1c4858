import type { Random } from '../process/random.ts';

/**
 * Up to `most` items in a random order in which each place goes to the remaining ones by their weight. Items of
 * weight 0 come only when nothing else is left.
 */
export function weightedOrder<T>(items: readonly T[], weight: (item: T) => number, random: Random, most: number): T[] {
  const left = [...items];
  const order: T[] = [];
  while (left.length > 0 && order.length < most) order.push(...left.splice(pick(left, weight, random), 1));
  return order;
}

function pick<T>(items: readonly T[], weight: (item: T) => number, random: Random): number {
  const total = items.reduce((sum, item) => sum + weight(item), 0);
  let point = random.fraction() * total;
  const index = items.findIndex((item) => (point -= weight(item)) < 0);
  return index < 0 ? items.length - 1 : index;
}
