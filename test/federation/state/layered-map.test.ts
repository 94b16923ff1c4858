import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LayeredMap } from '../../../federation/state/layered-map.ts';

const name = fc.nat(60).map(String);
const changes = fc.array(fc.tuple(name, fc.option(fc.nat(5), { nil: undefined })), { maxLength: 12 });

function applyTo(map: ReadonlyMap<string, number>, all: readonly (readonly [string, number | undefined])[]) {
  const next = new Map(map);
  for (const [key, value] of all)
    if (value === undefined) next.delete(key);
    else next.set(key, value);
  return next;
}

describe('federation/state: a map whose next value shares what does not differ', () => {
  it('has what a map has after the same changes, in the same order, and the values of before stay', () =>
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 30 }), (steps) => {
        let [layered, map] = [LayeredMap.of(new Map<string, number>()), new Map<string, number>()];
        const all: [LayeredMap<number>, Map<string, number>][] = [];
        for (const step of steps) {
          [layered, map] = [layered.with(step), applyTo(map, step)];
          all.push([layered, map]);
        }
        for (const [mine, plain] of all) {
          assert.deepEqual([...mine], [...plain]);
          assert.deepEqual([...mine.keys()], [...plain.keys()]);
          assert.deepEqual([...mine.values()], [...plain.values()]);
          assert.equal(mine.size, plain.size);
          for (let i = 0; i <= 60; i++) {
            assert.equal(mine.get(String(i)), plain.get(String(i)));
            assert.equal(mine.has(String(i)), plain.has(String(i)));
          }
        }
      }),
    ));

  it('copies at most the square root of its size for one change', () => {
    for (const size of [1_000, 10_000]) {
      let map = LayeredMap.of(new Map(Array.from({ length: size }, (_, i) => [String(i), i])));
      for (let i = 0; i < 500; i++) {
        map = map.with([[`new-${i}`, i]]);
        assert.ok(map.differences <= Math.sqrt(map.size) + 1, `${map.differences} of ${map.size}`);
      }
      assert.equal(map.size, size + 500);
    }
  });
});
