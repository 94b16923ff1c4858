import assert from 'node:assert/strict';
import fc from 'fast-check';
import { draw, WeightedSet } from '@isthmus/mesh/balance/weighted-set.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { seededRandom } from '../../fakes/random.ts';

type Weights = ReadonlyMap<number, number>;
const weight = fc.oneof(fc.nat(3), fc.nat(10), fc.nat({ max: 2 ** 32 - 1 }));
const change = fc.record({ item: fc.nat(20), weight: fc.option(weight) });

const setOf = (weights: readonly number[]): WeightedSet<number> => {
  const set = new WeightedSet<number>();
  weights.forEach((one, item) => set.set(item, one));
  return set;
};

const order = (
  sets: readonly WeightedSet<number>[],
  random: Random,
  most = Number.POSITIVE_INFINITY,
): number[] => {
  const drawn: number[] = [];
  draw(sets, random, most, (item) => drawn.push(item) > 0);
  return drawn;
};

const sorted = (items: Iterable<number>): number[] => [...items].sort((a, b) => a - b);
const sum = (weights: Iterable<number>): number => [...weights].reduce((all, one) => all + one, 0);

describe('weighted set', () => {
  it('after any changes has the items, the weights and the sum of a map', () =>
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), fc.nat(), (changes, seed) => {
        const [set, map] = [new WeightedSet<number>(), new Map<number, number>()];
        for (const { item, weight: to } of changes)
          if (to === null) assert.equal(set.delete(item), map.delete(item));
          else {
            set.set(item, to);
            map.set(item, to);
          }
        assert.deepEqual([set.size, set.total], [map.size, sum(map.values())]);
        assertOrder(order([set], seededRandom(seed)), map);
        assert.deepEqual([set.size, set.total], [map.size, sum(map.values())]);
      }),
    ));

  /** Each item once, and those without weight last. */
  function assertOrder(drawn: readonly number[], map: Weights): void {
    assert.deepEqual(sorted(drawn), sorted(map.keys()));
    const firstWithout = drawn.findIndex((item) => map.get(item) === 0);
    if (firstWithout >= 0) assert.ok(drawn.slice(firstWithout).every((item) => map.get(item) === 0));
  }

  it('keeps sums exact beside the greatest weights', () => {
    const set = setOf(Array.from({ length: 1000 }, () => 2 ** 32 - 1));
    set.set(1000, 1);
    for (let item = 0; item < 1000; item++) set.delete(item);
    assert.deepEqual([set.size, set.total, order([set], seededRandom(1))], [1, 1, [1000]]);
  });

  for (const fraction of [0, 1 - Number.EPSILON, 1])
    it(`draws an item of weight at the edge of chance (${fraction})`, () => {
      const edge: Random = { ...seededRandom(1), fraction: () => fraction };
      const first = order([setOf([0, 1, 2, 0])], edge, 1);
      assert.ok(first[0] === 1 || first[0] === 2, String(first));
    });
});

/** All items in a random order by weight, each found by going through all that are left. */
function walked(weights: readonly number[], random: Random): number[] {
  const left = weights.map((one, item) => ({ item, weight: one }));
  return weights.map(() => {
    let point = random.fraction() * sum(left.map((one) => one.weight));
    const index = left.findIndex((one) => (point -= one.weight) < 0);
    return left.splice(index, 1)[0]?.item ?? -1;
  });
}

describe('draw', () => {
  it('draws as many as were asked for, or until it is asked to stop', () => {
    const sets = [setOf([1, 2, 3, 4, 5])];
    for (const most of [0, 1, 4, 5]) assert.equal(order(sets, seededRandom(1), most).length, most);
    assert.equal(order(sets, seededRandom(1), 6).length, 5);
    let seen = 0;
    assert.equal(
      draw(sets, seededRandom(1), 5, () => ++seen < 3),
      3,
    );
  });

  it('puts all back, also when a visit throws', () => {
    const set = setOf([1, 0, 2]);
    assert.throws(() =>
      draw([set], seededRandom(1), 3, () => {
        throw new Error('not this one');
      }),
    );
    assert.deepEqual(sorted(order([set], seededRandom(2))), [0, 1, 2]);
  });

  it('of several sets gives each item once, those without weight last', () =>
    fc.assert(
      fc.property(fc.array(fc.array(weight, { maxLength: 5 }), { maxLength: 5 }), fc.nat(), (lists, seed) => {
        const all = new Map(lists.flat().map((one, item) => [item, one]));
        let next = 0;
        const sets = lists.map((list) => {
          const set = new WeightedSet<number>();
          for (const one of list) set.set(next++, one);
          return set;
        });
        const drawn = order(sets, seededRandom(seed));
        assert.deepEqual(sorted(drawn), sorted(all.keys()));
        const heavy = drawn.slice(0, [...all.values()].filter((one) => one > 0).length);
        assert.ok(heavy.every((item) => (all.get(item) ?? 0) > 0));
      }),
    ));

  /** How often each item of a set comes at a place, in 20,000 orders. */
  const frequencies = (weights: readonly number[], at: number) => {
    const [random, set, times] = [seededRandom(7), setOf(weights), 20_000];
    const counts = weights.map(() => 0);
    for (let i = 0; i < times; i++) counts[order([set], random)[at] ?? 0]! += 1 / times;
    return counts;
  };
  const near = (found: readonly number[], expected: readonly number[]) =>
    found.forEach((one, i) =>
      assert.ok(Math.abs(one - expected[i]!) < 0.015, `${found.join()} for ${expected.join()}`),
    );

  it('gives the first place by weight', () => near(frequencies([5, 3, 2, 0], 0), [0.5, 0.3, 0.2, 0]));

  it('gives the second place to the rest by weight', () =>
    near(frequencies([2, 1, 1], 1), [1 / 3, 1 / 3, 1 / 3]));

  it('is even among those without weight', () =>
    near(frequencies([0, 0, 0, 0], 0), [0.25, 0.25, 0.25, 0.25]));

  /** How often each order of the first two comes. */
  const pairs = (orderOf: () => readonly number[], times: number): Map<string, number> => {
    const counts = new Map<string, number>();
    for (let i = 0; i < times; i++) {
      const pair = orderOf().slice(0, 2).join();
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    return counts;
  };

  // 20 pairs have 19 degrees of freedom, of which 43.8 is the quantile of 0.999.
  it('orders items as a walk along all of their weights does: chi-squared over the first two of five', () => {
    const [weights, times] = [[5, 3, 2, 2, 1], 20_000];
    const [a, b] = [seededRandom(3), seededRandom(4)];
    const sets = [setOf([5, 3]), new WeightedSet<number>()];
    for (const item of [2, 3, 4]) sets[1]?.set(item, weights[item] ?? 0);
    const found = pairs(() => order(sets, a, 2), times);
    const expected = pairs(() => walked(weights, b), times);
    assert.equal(expected.size, 20);
    const distance = [...expected].reduce((all, [pair, many]) => {
      const count = found.get(pair) ?? 0;
      return all + (count - many) ** 2 / (count + many);
    }, 0);
    assert.ok(distance < 43.8, `${distance} of at most 43.8`);
  });
});
