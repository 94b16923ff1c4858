import assert from 'node:assert/strict';
import fc from 'fast-check';
import { IndexMap } from '@isthmus/mesh/state/index-map.ts';

type Step = { readonly kind: 'add' | 'delete'; readonly key: string; readonly value: object };

describe('values under keys', () => {
  it('holds for each key what sets hold, in the same order, whatever comes and goes', () => {
    const values = [{}, {}, {}];
    const step: fc.Arbitrary<Step> = fc.record({
      kind: fc.constantFrom('add', 'delete'),
      key: fc.constantFrom('a', 'b'),
      value: fc.constantFrom(...values),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const map = new IndexMap<object>();
        const sets = { a: new Set<object>(), b: new Set<object>() } as Record<string, Set<object>>;
        for (const { kind, key, value } of steps) {
          map[kind](key, value);
          sets[key]?.[kind](value);
          for (const [name, set] of Object.entries(sets)) {
            assert.deepEqual(map.get(name), [...set]);
            assert.ok(map.get(name).every((one, i) => one === [...set][i]));
            assert.equal(map.has(name), set.size > 0);
          }
          assert.equal(map.size, Object.values(sets).filter(({ size }) => size > 0).length);
        }
      }),
    );
  });

  it('gives a list that stays as it was while values come and go', () => {
    const map = new IndexMap<number>();
    map.add('a', 1);
    const one = map.get('a');
    map.add('a', 2);
    const two = map.get('a');
    map.delete('a', 1);
    assert.deepEqual([one, two, map.get('a')], [[1], [1, 2], [2]]);
  });
});
