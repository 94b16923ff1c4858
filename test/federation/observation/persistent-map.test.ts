import assert from 'node:assert/strict';
import fc from 'fast-check';
import { differing, differingLeaves, PersistentMap } from '../../../federation/observation/persistent-map.ts';

/** FNV-1a gives both names of a pair the same 32 bits, also with an equal text behind them. */
const pairs = [
  ['costarring', 'liquid'],
  ['declinate', 'macallums'],
  ['altarage', 'zinke'],
] as const;

const name = fc.oneof(
  fc.nat(200).map((i) => `intermediate/k${i}`),
  fc.tuple(fc.constantFrom(...pairs.flat()), fc.nat(20)).map(([one, i]) => `${one}${i}`),
);
const change = fc.tuple(name, fc.option(fc.constantFrom(1, 2), { nil: undefined }));
const changes = fc.array(change, { maxLength: 120 });

const byName = (entries: Iterable<readonly [string, number]>) =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

function plain(all: Iterable<readonly [string, number | undefined]>): Map<string, number> {
  const map = new Map<string, number>();
  for (const [key, value] of all)
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  return map;
}

const differences = (before: Map<string, number>, after: Map<string, number>) =>
  [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key));

describe('federation/observation: a map that shares what does not differ', () => {
  it('has what a map has after the same changes, and differs in the same names', () =>
    fc.assert(
      fc.property(changes, changes, (first, second) => {
        const maps = [plain(first), plain([...first, ...second])] as const;
        const before = PersistentMap.of(new Map<string, number>()).with(first);
        const after = before.with(second);
        for (const [mine, map] of [
          [before, maps[0]],
          [after, maps[1]],
        ] as const) {
          assert.deepEqual(byName(mine), byName(map));
          assert.equal(mine.size, map.size);
          assert.deepEqual([...mine.keys()].sort(), [...map.keys()].sort());
          assert.deepEqual([...mine.values()].sort(), [...map.values()].sort());
          for (const [key] of [...first, ...second]) {
            assert.equal(mine.get(key), map.get(key));
            assert.equal(mine.has(key), map.has(key));
          }
          assert.deepEqual(mine, PersistentMap.of(map));
        }
        assert.deepEqual(differing(before, after).toSorted(), differences(...maps).toSorted());
        assert.deepEqual(differing(...maps).toSorted(), differences(...maps).toSorted());
      }),
    ));

  it('keeps names of one hash in one leaf, however many they are', () => {
    // Each of the pairs at each of the places: all of these names have the same hash.
    const names = Array.from({ length: 64 }, (_, i) => {
      const at = (bit: number) => pairs[0][((i >> bit) & 1) as 0 | 1];
      return [0, 1, 2, 3, 4, 5].map(at).join('');
    });
    const all = PersistentMap.of(new Map(names.map((one, i) => [one, i])));
    assert.equal(all.size, 64);
    for (const [i, one] of names.entries()) assert.equal(all.get(one), i);
    const less = all.with(names.slice(1).map((one) => [one, undefined]));
    assert.deepEqual([...less], [[names[0], 0]]);
    assert.deepEqual(less, PersistentMap.of(new Map([[names[0] ?? '', 0]])));
  });

  it('is the same value where nothing is said', () => {
    const all = PersistentMap.of(new Map([['policy/p', 1]]));
    assert.equal(all.with([]), all);
    assert.equal(PersistentMap.of(all), all);
    assert.deepEqual(differingLeaves(all, all), []);
  });

  it('does not change with the map that it was made of', () => {
    const map = new Map([['a', 1]]);
    const mine = PersistentMap.of(map);
    map.set('a', 2);
    assert.equal(mine.get('a'), 1);
  });
});
