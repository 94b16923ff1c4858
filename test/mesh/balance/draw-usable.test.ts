import assert from 'node:assert/strict';
import { drawUsable, maxDraws, type Taken } from '@isthmus/mesh/balance/draw-usable.ts';
import { WeightedSet } from '@isthmus/mesh/balance/weighted-set.ts';
import { seededRandom } from '../../fakes/random.ts';

const rankOf = (from: number, size: number): readonly WeightedSet<number>[] => {
  const set = new WeightedSet<number>();
  for (let i = from; i < from + size; i++) set.set(i, 1);
  return [set];
};

/** The items that are shown, where `take` decides about each. */
const shown = (
  ranks: readonly (readonly WeightedSet<number>[])[],
  take: (item: number) => Taken,
): number[] => {
  const items: number[] = [];
  drawUsable(ranks, seededRandom(1), (item) => {
    items.push(item);
    return take(item);
  });
  return items;
};

describe('draw what is usable', () => {
  it('goes to the next rank when the first is used up, and stops when it has enough', () => {
    const items = shown([rankOf(0, 3), rankOf(3, 3), rankOf(6, 3)], (item) =>
      item >= 3 ? 'ENOUGH' : 'MORE',
    );
    assert.equal(items.length, 4);
    assert.deepEqual(items.slice(0, 3).sort(), [0, 1, 2]);
    assert.ok((items[3] ?? 0) >= 3 && (items[3] ?? 0) < 6);
  });

  for (const size of [maxDraws - 1, maxDraws])
    it(`shows each of ${size} items once when none is of use`, () =>
      assert.equal(new Set(shown([rankOf(0, size)], () => 'USELESS')).size, size));

  it(`shows all of ${maxDraws + 1} items when none of the ${maxDraws} that are drawn is of use`, () =>
    assert.equal(new Set(shown([rankOf(0, 60), rankOf(60, 5)], () => 'USELESS')).size, maxDraws + 1));

  it('finds the only one of 1,000 that is of use', () =>
    assert.equal(
      shown([rankOf(0, 500), rankOf(500, 500)], (i) => (i === 999 ? 'ENOUGH' : 'USELESS')).at(-1),
      999,
    ));

  it(`draws no more than ${maxDraws} when one of them was of use`, () => {
    let first = true;
    const items = shown([rankOf(0, 1000)], () => {
      const taken = first ? 'MORE' : 'USELESS';
      first = false;
      return taken;
    });
    assert.equal(items.length, maxDraws);
  });
});
