import assert from 'node:assert/strict';
import { Slices } from '@isthmus/mesh/process/slices.ts';
import { Rounds } from '../../../federation/link/rounds.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('federation/link: rounds of visits', () => {
  const turns: (() => void)[] = [];
  const clock = new FakeClock();
  let rounds: Rounds;
  let visited: string[];
  beforeEach(() => {
    turns.length = 0;
    visited = [];
    rounds = new Rounds(new Slices(clock, 5, (run) => turns.push(run)));
  });

  const visit =
    (name: string, then: () => void = () => undefined) =>
    () => {
      visited.push(name);
      then();
    };
  const turn = () => turns.shift()?.();

  it('visit in the order of the marks, each once however often it is marked', () => {
    const [a, b] = [visit('a'), visit('b')];
    for (const one of [b, a, b, a]) rounds.mark(one);
    turn();
    assert.deepEqual([visited, rounds.size, turns.length], [['b', 'a'], 0, 0]);
  });

  it('visit what is marked during a visit after all others that are marked', () => {
    const a = visit('a', () => visited.length < 3 && rounds.mark(a));
    const b = visit('b');
    rounds.mark(a);
    rounds.mark(b);
    turn();
    assert.deepEqual(visited, ['a', 'b', 'a']);
  });

  it('let the event loop have its turn after 5 ms', async () => {
    const slow = (name: string) => visit(name, () => void clock.advance(3));
    for (const name of ['a', 'b', 'c', 'd']) rounds.mark(slow(name));
    turn();
    assert.deepEqual(visited, ['a', 'b']);
    turn();
    assert.deepEqual(visited, ['a', 'b', 'c', 'd']);
    await Promise.resolve();
  });

  it('skip a visit that was removed after it was marked', () => {
    const a = visit('a');
    rounds.mark(a);
    rounds.remove(a);
    turn();
    assert.deepEqual([visited, rounds.size], [[], 0]);
  });
});
