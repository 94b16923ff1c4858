import assert from 'node:assert/strict';
import fc from 'fast-check';
import { weightedDraw, weightedOrder } from '@isthmus/mesh/balance/weighted-order.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { seededRandom } from '../../fakes/random.ts';

const items = fc.array(fc.record({ weight: fc.oneof(fc.nat(10), fc.nat(2 ** 32 - 1)) }), { maxLength: 12 });
const weightOf = ({ weight }: { weight: number }) => weight;

describe('weighted order', () => {
  it('gives each item once, and as many as were asked for', () =>
    fc.assert(
      fc.property(items, fc.nat(15), fc.nat(), (list, most, seed) => {
        const order = weightedOrder(list, weightOf, seededRandom(seed), most);
        assert.equal(order.length, Math.min(most, list.length));
        assert.equal(new Set(order).size, order.length);
        assert.ok(order.every((one) => list.includes(one)));
      }),
    ));

  it('puts what has no weight last', () =>
    fc.assert(
      fc.property(items, fc.nat(), (list, seed) => {
        const order = weightedOrder(list, weightOf, seededRandom(seed), list.length).map(weightOf);
        const heavy = order.filter((weight) => weight > 0).length;
        assert.ok(order.slice(0, heavy).every((weight) => weight > 0));
      }),
    ));

  it('draws only what is asked for', () => {
    let draws = 0;
    const counting: Random = { ...seededRandom(1), fraction: () => ++draws / 1000 };
    const many = Array.from({ length: 100 }, () => ({ weight: 1 }));
    weightedDraw(many, weightOf, counting).take(3).toArray();
    assert.equal(draws, 3);
  });

  // 1 itself never comes, but rounding may carry a point to the very end.
  for (const fraction of [0, 1 - Number.EPSILON, 1])
    it(`at the edge of chance (${fraction}) draws something of weight`, () => {
      const edge: Random = { ...seededRandom(1), fraction: () => fraction };
      const list = [{ weight: 0 }, { weight: 0.1 }, { weight: 0.2 }, { weight: 0 }];
      assert.ok(weightedOrder(list, weightOf, edge, 1)[0]!.weight > 0);
    });

  /** How often each of `weights` comes at a place, in 20,000 orders. */
  const frequencies = (weights: readonly number[], place: number) => {
    const random = seededRandom(7);
    const counts = weights.map(() => 0);
    for (let i = 0; i < 20_000; i++) {
      const order = weightedOrder([...weights.keys()], (index) => weights[index]!, random, weights.length);
      counts[order[place]!]! += 1 / 20_000;
    }
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
});
