import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NameQueue } from '@isthmus/mesh/delta/name-queue.ts';

const taken = (queue: NameQueue): string[] => {
  const names: string[] = [];
  for (let name = queue.first; name !== undefined; name = queue.first) {
    names.push(name);
    queue.delete(name);
  }
  return names;
};

describe('a queue of names', () => {
  it('gives each name once, in the order in which they came', () => {
    const queue = new NameQueue();
    for (const name of ['b', 'a', 'b', 'c']) queue.add(name);
    assert.deepEqual(taken(queue), ['b', 'a', 'c']);
  });

  it('keeps its first name until that is deleted', () => {
    const queue = new NameQueue();
    queue.add('a');
    queue.add('b');
    assert.deepEqual([queue.first, queue.first], ['a', 'a']);
    queue.delete('a');
    assert.equal(queue.first, 'b');
  });

  it('takes names again after it was empty', () => {
    const queue = new NameQueue();
    queue.add('a');
    assert.deepEqual(taken(queue), ['a']);
    assert.equal(queue.first, undefined);
    queue.add('b');
    queue.add('a');
    assert.deepEqual(taken(queue), ['b', 'a']);
  });

  it('has what a set has, whatever is added, deleted and taken', () => {
    const step = fc.record({
      do: fc.constantFrom('add', 'delete', 'take'),
      name: fc.constantFrom('a', 'b', 'c'),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const queue = new NameQueue();
        const names = new Set<string>();
        for (const { do: what, name } of steps)
          if (what === 'add') {
            queue.add(name);
            names.add(name);
          } else {
            const gone = what === 'take' ? queue.first : name;
            assert.ok(what === 'delete' || names.size === 0 || names.has(gone ?? ''));
            queue.delete(gone ?? '');
            names.delete(gone ?? '');
          }
        assert.deepEqual(taken(queue).sort(), [...names].sort());
      }),
    );
  });
});
