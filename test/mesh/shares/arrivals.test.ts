import assert from 'node:assert/strict';
import { Arrivals, mostWaiting } from '@isthmus/mesh/shares/arrivals.ts';

describe('mesh/shares of CONNECTs that wait for their turn', () => {
  function world() {
    const arrivals = new Arrivals();
    const said: string[] = [];
    const session = (name: string) => ({
      pause: () => void said.push(`${name} paused`),
      resume: () => void said.push(`${name} resumed`),
    });
    return { arrivals, said, session };
  }

  const wait = (arrivals: Arrivals, session: { pause(): void; resume(): void }, count: number) =>
    Array.from({ length: count }, () => arrivals.wait(session));

  it(`reads all sessions while fewer than ${mostWaiting} wait, and none from then on until half have begun`, () => {
    const { arrivals, said, session } = world();
    const [a, b] = [session('a'), session('b')];
    arrivals.add(a);
    arrivals.add(b);
    const begun = wait(arrivals, a, mostWaiting - 1);
    assert.deepEqual(said, []);
    begun.push(...wait(arrivals, b, 1));
    assert.deepEqual(said.splice(0), ['a paused', 'b paused']);
    for (const one of begun.splice(0, mostWaiting / 2 - 1)) one();
    assert.deepEqual(said, []);
    begun.shift()!();
    assert.deepEqual(said.splice(0), ['a resumed', 'b resumed']);
    for (const one of begun) one();
    assert.deepEqual(said, []);
  });

  it('pauses a session again that reads on by itself, and one that begins meanwhile', () => {
    const { arrivals, said, session } = world();
    const a = session('a');
    arrivals.add(a);
    wait(arrivals, a, mostWaiting + 1);
    arrivals.add(session('late'));
    assert.deepEqual(said, ['a paused', 'a paused', 'late paused']);
  });

  it('leaves a session alone that has ended', () => {
    const { arrivals, said, session } = world();
    const [a, b] = [session('a'), session('b')];
    const ended = arrivals.add(a);
    arrivals.add(b);
    const begun = wait(arrivals, b, mostWaiting - 1);
    ended();
    begun.push(...wait(arrivals, b, 1));
    for (const one of begun) one();
    assert.deepEqual(said, ['b paused', 'b resumed']);
  });
});
