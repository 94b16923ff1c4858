import assert from 'node:assert/strict';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { walkLimits, Walks } from '@isthmus/cluster-agent/translate/walks.ts';

const network: Touched = { kind: 'network' };
const other: Touched = { kind: 'podCount' };
const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

describe('a walk over what a wide key reaches', () => {
  it('gives each key once, so many at a time', () => {
    const walks = new Walks(walkLimits);
    walks.add(network, keys(600), 0);
    const sizes: number[] = [];
    const taken = new Set<string>();
    for (let some = walks.take(256, 0); some.length > 0; some = walks.take(256, 0)) {
      sizes.push(some.length);
      for (const key of some) taken.add(key);
    }
    assert.deepEqual(sizes, [256, 256, 88]);
    assert.equal(taken.size, 600);
    assert.ok(walks.isEmpty && walks.next === undefined && !walks.has('network'));
  });

  it('takes keys of the next walk when one ends', () => {
    const walks = new Walks(walkLimits);
    walks.add(network, ['a', 'b'], 0);
    walks.add(other, ['c', 'd'], 0);
    assert.deepEqual([...walks.take(3, 0)].sort(), ['a', 'b', 'c']);
    assert.deepEqual([walks.has('network'), walks.has('podCount')], [false, true]);
  });

  it('of a key that is touched again meanwhile starts over a second after its end', () => {
    const walks = new Walks(walkLimits);
    walks.add(network, ['a', 'b'], 0);
    walks.take(1, 0);
    for (let i = 0; i < 50; i++) walks.add(network, ['a', 'c'], i);
    walks.take(10, 60);
    assert.ok(walks.has('network'));
    assert.equal(walks.next, 1060);
    assert.deepEqual(walks.take(10, 1059), []);
    assert.deepEqual([...walks.take(10, 1060)].sort(), ['a', 'c']);
  });

  for (const [after, begins] of [
    [999, 1000],
    [1000, 1000],
    [1001, 1001],
  ] as const)
    it(`of a key that is touched again ${after} ms after its end begins at ${begins} ms`, () => {
      const walks = new Walks(walkLimits);
      walks.add(network, ['a'], 0);
      walks.take(1, 0);
      walks.add(other, ['b'], 0);
      walks.take(1, 0);
      walks.add(network, ['a'], after);
      assert.equal(walks.next, begins);
    });

  it('is found by the kind of its key, from its begin to its end', () => {
    const walks = new Walks(walkLimits);
    walks.add(other, ['a'], 0);
    walks.add({ kind: 'node', node: 'n1' }, ['b', 'c'], 0);
    walks.add({ kind: 'node', node: 'n2' }, ['d'], 0);
    const found: unknown[] = [];
    for (; !walks.isEmpty; walks.take(1, 0)) found.push([walks.hasKind('podCount'), walks.hasKind('node')]);
    assert.deepEqual(found, [
      [true, true],
      [false, true],
      [false, true],
      [false, true],
    ]);
    assert.ok(!walks.hasKind('node'));
  });

  it('does not delay the walk of another key', () => {
    const walks = new Walks(walkLimits);
    walks.add(network, ['a'], 0);
    walks.take(1, 0);
    walks.add(network, ['a'], 10);
    walks.add(other, ['b'], 10);
    assert.deepEqual(walks.take(10, 10), ['b']);
  });
});
