import type { Random } from '../process/random.ts';
import { draw, type WeightedSet } from './weighted-set.ts';

/** What became of an item that was drawn: it cannot be used, it is taken and more are wanted, or it was the last. */
export type Taken = 'USELESS' | 'MORE' | 'ENOUGH';

type Ranks<T> = readonly (readonly WeightedSet<T>[])[];

/** How many items are drawn for one choice, where at least one of them can be used. */
export const maxDraws = 64;

/**
 * Draws by weight, without putting back, from the sets of the first rank, then from those of the next, until `take` has
 * enough. At most 64 are drawn; if none of these can be used, all are shown once, rank by rank and in any order
 * there, so that any usable one is found. `take` must not change the sets.
 */
export function drawUsable<T>(ranks: Ranks<T>, random: Random, take: (item: T) => Taken): void {
  let left = maxDraws;
  let [isUseless, isEnough] = [true, false];
  for (const sets of ranks) {
    left -= draw(sets, random, left, visit);
    if (isEnough) return;
    if (left === 0) break;
  }
  if (isUseless && left === 0) showAll(ranks, take);

  function visit(item: T): boolean {
    const taken = take(item);
    isUseless &&= taken === 'USELESS';
    isEnough = taken === 'ENOUGH';
    return !isEnough;
  }
}

function showAll<T>(ranks: Ranks<T>, take: (item: T) => Taken): void {
  for (const sets of ranks)
    for (const set of sets) for (const item of set.items()) if (take(item) === 'ENOUGH') return;
}
