import assert from 'node:assert/strict';
import { hedgedDial } from '../../ztunnel/proxy/hedged-dial.ts';
import { FakeClock } from '../fakes/clock.ts';

class Answer extends Error {}

/** Candidates whose outcome the test decides, and what was tried of them when. */
function trial(clock: FakeClock) {
  const tried: {
    name: string;
    at: number;
    resolve: (value: string) => void;
    reject: (error: Error) => void;
    signal: AbortSignal;
  }[] = [];
  const discarded: string[] = [];
  const silent: string[] = [];
  let retries = Infinity;
  const gone = new AbortController();
  const leave = () => gone.abort(new Error('the client has gone'));
  const limit = (most: number) => (retries = most);
  const run = (...names: string[]) =>
    hedgedDial<string, string>({
      candidates: names,
      attempt: (name, signal) =>
        new Promise((resolve, reject) =>
          tried.push({ name, at: clock.monotonic(), resolve, reject, signal }),
        ),
      clock,
      gone: gone.signal,
      discard: (late) => discarded.push(late),
      onSilent: (name) => silent.push(name),
      isAnswer: (error) => error instanceof Answer,
      mayRetry: () => retries-- > 0,
    });
  return { tried, discarded, silent, run, limit, leave };
}

describe('ztunnel/proxy race', () => {
  it('tries the next as soon as one has failed', async () => {
    const clock = new FakeClock();
    const { tried, run } = trial(clock);
    const result = run('a', 'b');
    tried[0]!.reject(new Error('refused'));
    await clock.advance(0);
    tried[1]!.resolve('b');
    assert.equal(await result, 'b');
    assert.equal(tried[1]!.at, 0);
  });

  it('tries no other candidate after an answer, and aborts those under way', async () => {
    const clock = new FakeClock();
    const { tried, run } = trial(clock);
    const result = run('a', 'b', 'c');
    await clock.advance(1000);
    tried[1]!.reject(new Answer('denied'));
    await assert.rejects(result, /denied/);
    assert.deepEqual([tried.length, tried[0]!.signal.aborted, clock.pending], [2, true, 0]);
  });

  it('gives up all who were asked when nobody waits any more, and asks nobody', async () => {
    const clock = new FakeClock();
    const { tried, discarded, run, leave } = trial(clock);
    const result = run('a', 'b', 'c');
    await clock.advance(1000);
    leave();
    await assert.rejects(result, /the client has gone/);
    assert.deepEqual([tried.map(({ signal }) => signal.aborted), clock.pending], [[true, true], 0]);
    tried[0]!.resolve('late');
    await clock.advance(0);
    assert.deepEqual(discarded, ['late']);
    await assert.rejects(run('d'), /the client has gone/);
    assert.equal(tried.length, 2);
  });

  it('fails with the first error when no retry is allowed', async () => {
    const clock = new FakeClock();
    const { tried, run, limit } = trial(clock);
    limit(1);
    const result = run('a', 'b', 'c');
    tried[0]!.reject(new Error('first'));
    await clock.advance(0);
    tried[1]!.reject(new Error('second'));
    await assert.rejects(result, /first/);
    assert.deepEqual([tried.length, clock.pending], [2, 0]);
  });

  it('waits for a silent one without a rival when no retry is allowed', async () => {
    const clock = new FakeClock();
    const { tried, run, limit } = trial(clock);
    limit(0);
    const result = run('a', 'b');
    await clock.advance(2500);
    tried[0]!.resolve('a');
    assert.equal(await result, 'a');
    assert.equal(tried.length, 1);
  });

  it('starts a rival beside one that is silent for a second, and gives the loser up', async () => {
    const clock = new FakeClock();
    const { tried, discarded, silent, run } = trial(clock);
    const result = run('a', 'b', 'c');
    await clock.advance(1000);
    assert.deepEqual(silent, ['a'], 'it is remembered, though nothing has failed');
    assert.deepEqual(
      tried.map(({ name, at }) => [name, at]),
      [
        ['a', 0],
        ['b', 1000],
      ],
    );
    tried[1]!.resolve('b');
    assert.equal(await result, 'b');
    assert.equal(tried[0]!.signal.aborted, true);
    tried[0]!.resolve('a, late');
    await clock.advance(0);
    assert.deepEqual(discarded, ['a, late']);
    await clock.advance(5000);
    assert.equal(tried.length, 2);
  });

  it('gives the first error when all have failed, and an end after three seconds of silence', async () => {
    const clock = new FakeClock();
    const failing = trial(clock);
    const failed = failing.run('a', 'b');
    failing.tried[0]!.reject(new Error('first'));
    await clock.advance(0);
    failing.tried[1]!.reject(new Error('second'));
    await assert.rejects(failed, /first/);

    const silent = trial(clock);
    const waiting = silent.run('a', 'b', 'c');
    const outcome = assert.rejects(waiting, { code: 'NO_ANSWER' });
    await clock.advance(3000);
    await outcome;
    assert.deepEqual([...new Set(silent.silent)], ['a', 'b', 'c']);
    assert.ok(silent.tried.every(({ signal }) => signal.aborted));
    assert.equal(clock.pending, 0);
  });
});
