import assert from 'node:assert/strict';
import { Turns } from '@isthmus/mesh/process/turns.ts';

describe('mesh/process turns of several keys', () => {
  function world() {
    let next: (() => void) | undefined;
    const done: string[] = [];
    const turns = new Turns(32, (run) => (next = run));
    const take = (identity: string, count: number) => {
      for (let i = 0; i < count; i++) turns.take(identity, () => done.push(identity));
    };
    const turn = () => {
      const run = next;
      next = undefined;
      run?.();
      return run !== undefined;
    };
    return { done, turns, take, turn };
  }

  it('runs 32 at once, the 33rd in the next turn, and nothing in the one after', () => {
    const { done, take, turn } = world();
    take('a', 31);
    assert.equal(done.length, 31);
    take('a', 1);
    assert.equal(done.length, 32);
    take('a', 1);
    assert.equal(done.length, 32);
    assert.equal(turn(), true);
    assert.equal(done.length, 33);
    assert.equal(turn(), false);
    take('a', 31);
    assert.equal(done.length, 64);
  });

  it('serves an identity that came last in the next turn, however many wait of another', () => {
    const { done, take, turn } = world();
    take('many', 10_000);
    take('few', 1);
    turn();
    assert.ok(done.includes('few'));
    for (let turns = 1; turn(); turns++) assert.ok(turns < 320);
    assert.equal(done.length, 10_001);
  });

  it('serves each of more identities than fit into a turn before any of them a second time', () => {
    const { done, take, turn } = world();
    take('first', 32);
    const names = Array.from({ length: 100 }, (_, i) => `${i}`);
    for (const name of names) take(name, 2);
    for (let i = 0; i < 4; i++) turn();
    assert.deepEqual(new Set(done.slice(32, 132)), new Set(names));
  });

  it('keeps the order of one identity', () => {
    const { turns, take, turn } = world();
    take('a', 32);
    const order: number[] = [];
    for (let i = 0; i < 100; i++) turns.take('b', () => order.push(i));
    while (turn());
    assert.deepEqual(
      order,
      Array.from({ length: 100 }, (_, i) => i),
    );
  });
});
