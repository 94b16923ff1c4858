import assert from 'node:assert/strict';
import { Slices } from '@isthmus/mesh/process/slices.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';

describe('work in slices', () => {
  const world = () => {
    let now = 0;
    const clock: Clock = { now: () => now, monotonic: () => now, after: () => ({ cancel: () => undefined }) };
    const turns: (() => void)[] = [];
    const slices = new Slices(clock, 5, (run) => turns.push(run));
    const done: string[] = [];
    const add = (name: string, millis: number, more?: () => void) =>
      slices.add(() => {
        done.push(name);
        now += millis;
        more?.();
      });
    const turn = () => {
      turns.shift()?.();
      return done.splice(0);
    };
    return { slices, turns, add, turn };
  };

  it('runs as many pieces in one turn as fit into its milliseconds, and the rest in the next', () => {
    const { turns, add, turn } = world();
    for (const name of ['a', 'b', 'c', 'd']) add(name, 2);
    assert.deepEqual(turn(), ['a', 'b', 'c']);
    assert.deepEqual(turn(), ['d']);
    assert.equal(turns.length, 0);
  });

  it('ends a slice that took exactly its time', () => {
    const { add, turn } = world();
    add('a', 4.9);
    add('b', 0.1);
    add('c', 0);
    assert.deepEqual(turn(), ['a', 'b']);
    assert.deepEqual(turn(), ['c']);
  });

  it('runs a piece that takes longer than a slice, alone', () => {
    const { add, turn } = world();
    add('long', 50);
    add('short', 1);
    assert.deepEqual(turn(), ['long']);
    assert.deepEqual(turn(), ['short']);
  });

  it('runs one piece of each that adds its next one when its last one has run', () => {
    const { slices, add, turn } = world();
    const chain = (name: string, left: number) => {
      if (left > 0) add(`${name}${left}`, 1, () => chain(name, left - 1));
    };
    chain('a', 3);
    chain('b', 2);
    assert.deepEqual(turn(), ['a3', 'b2', 'a2', 'b1', 'a1']);
    assert.equal(slices.size, 0);
  });

  it('goes on in the next turn after a piece that has thrown', () => {
    const { slices, add, turn } = world();
    slices.add(() => {
      throw new Error('broken');
    });
    add('next', 1);
    assert.throws(() => turn(), /broken/);
    assert.deepEqual(turn(), ['next']);
  });
});
