import assert from 'node:assert/strict';
import { Backpressure, maxWaiting } from '@isthmus/mesh/shares/backpressure.ts';

describe('mesh/shares, sessions that are not read', () => {
  function world() {
    const backpressure = new Backpressure();
    const said: string[] = [];
    const session = (name: string) => ({
      pause: () => void said.push(`${name} paused`),
      resume: () => void said.push(`${name} resumed`),
    });
    return { backpressure, said, session };
  }

  const wait = (backpressure: Backpressure, session: { pause(): void; resume(): void }, count: number) =>
    Array.from({ length: count }, () => backpressure.wait(session));

  it(`reads all sessions while fewer than ${maxWaiting} wait, and none from then on until half have begun`, () => {
    const { backpressure, said, session } = world();
    const [a, b] = [session('a'), session('b')];
    backpressure.add(a);
    backpressure.add(b);
    const begun = wait(backpressure, a, maxWaiting - 1);
    assert.deepEqual(said, []);
    begun.push(...wait(backpressure, b, 1));
    assert.deepEqual(said.splice(0), ['a paused', 'b paused']);
    for (const one of begun.splice(0, maxWaiting / 2 - 1)) one();
    assert.deepEqual(said, []);
    begun.shift()!();
    assert.deepEqual(said.splice(0), ['a resumed', 'b resumed']);
    for (const one of begun) one();
    assert.deepEqual(said, []);
  });

  it('pauses a session again that reads on by itself, and one that begins meanwhile', () => {
    const { backpressure, said, session } = world();
    const a = session('a');
    backpressure.add(a);
    wait(backpressure, a, maxWaiting + 1);
    backpressure.add(session('late'));
    assert.deepEqual(said, ['a paused', 'a paused', 'late paused']);
  });

  it('leaves a session alone that has ended', () => {
    const { backpressure, said, session } = world();
    const [a, b] = [session('a'), session('b')];
    const ended = backpressure.add(a);
    backpressure.add(b);
    const begun = wait(backpressure, b, maxWaiting - 1);
    ended();
    begun.push(...wait(backpressure, b, 1));
    for (const one of begun) one();
    assert.deepEqual(said, ['b paused', 'b resumed']);
  });

  it('reads none while too many bytes wait, and only again when neither reason holds', () => {
    const { backpressure, said, session } = world();
    const a = session('a');
    backpressure.add(a);
    backpressure.fill(true);
    assert.deepEqual(said.splice(0), ['a paused']);
    const begun = wait(backpressure, a, maxWaiting);
    said.splice(0);
    backpressure.fill(false);
    assert.deepEqual([said, backpressure.paused], [[], true]);
    backpressure.fill(true);
    for (const one of begun) one();
    assert.deepEqual([said, backpressure.paused], [[], true]);
    backpressure.fill(false);
    assert.deepEqual([said, backpressure.paused], [['a resumed'], false]);
  });

  it('resumes a session that has brought something meanwhile after the others', () => {
    const { backpressure, said, session } = world();
    const [a, b, gone] = [session('a'), session('b'), session('gone')];
    for (const each of [a, b]) backpressure.add(each);
    backpressure.add(gone)();
    backpressure.came(a);
    assert.deepEqual(said, []);
    backpressure.fill(true);
    said.splice(0);
    for (const each of [a, gone]) backpressure.came(each);
    backpressure.fill(false);
    assert.deepEqual(said, ['a paused', 'gone paused', 'b resumed', 'a resumed']);
  });
});
