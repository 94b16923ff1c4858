import assert from 'node:assert/strict';
import { DueTimes, every, whileNeeded, type Due } from '@isthmus/cluster-agent/publish/due-times.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('what is due', () => {
  let clock: FakeClock;
  let done: string[];
  let dues: Map<string, Due | undefined>;
  beforeEach(() => {
    clock = new FakeClock();
    done = [];
    dues = new Map();
  });

  const work = (name: string) => ({
    name,
    nextDue: () => dues.get(name),
    run() {
      done.push(name);
      dues.delete(name);
    },
  });

  it('is done when its time has come, and no sooner, with one timer for all', async () => {
    const times = new DueTimes([work('a'), work('b')], clock);
    dues.set('a', { monotonic: 100 });
    dues.set('b', { wall: clock.now() + 200 });
    times.arm();
    times.arm();
    assert.equal(clock.pending, 1);
    await clock.advance(99);
    assert.deepEqual(done, []);
    await clock.advance(1);
    assert.deepEqual(done, ['a']);
    await clock.advance(99);
    assert.deepEqual(done, ['a']);
    await clock.advance(1);
    assert.deepEqual(done, ['a', 'b']);
    assert.equal(clock.pending, 0, 'nothing waits');
  });

  it('comes sooner when its time becomes another', async () => {
    const times = new DueTimes([work('a')], clock);
    dues.set('a', { monotonic: 1000 });
    times.arm();
    dues.set('a', { monotonic: 10 });
    times.arm();
    await clock.advance(10);
    assert.deepEqual(done, ['a']);
  });

  it('is found within 60 s when the wall clock has jumped over its time', async () => {
    let jump = 0;
    const jumping = {
      now: () => clock.now() + jump,
      monotonic: () => clock.monotonic(),
      after: (delay: number, run: () => void) => clock.after(delay, run),
    };
    const times = new DueTimes([work('a')], jumping);
    dues.set('a', { wall: clock.now() + 3_600_000 });
    times.arm();
    jump = 3_600_000;
    await clock.advance(59_999);
    assert.deepEqual(done, []);
    await clock.advance(1);
    assert.deepEqual(done, ['a']);
  });

  it('is not done once it is stopped', async () => {
    const times = new DueTimes([work('a')], clock);
    dues.set('a', { monotonic: 10 });
    times.arm();
    times.stop();
    times.arm();
    await clock.advance(100);
    assert.deepEqual([done, clock.pending], [[], 0]);
  });

  it('is tried again each second while it is needed', async () => {
    let isNeeded = true;
    let tries = 0;
    const times = new DueTimes(
      [
        whileNeeded(
          'save',
          clock,
          () => isNeeded,
          () => tries++,
        ),
      ],
      clock,
    );
    times.arm();
    await clock.advance(500);
    times.arm();
    await clock.advance(499);
    assert.equal(tries, 0);
    await clock.advance(2001);
    assert.equal(tries, 3);
    isNeeded = false;
    await clock.advance(10_000);
    assert.deepEqual([tries, clock.pending], [3, 0]);
  });

  it('is done again and again', async () => {
    let runs = 0;
    const times = new DueTimes([every('release', clock, 60_000, () => runs++)], clock);
    times.arm();
    await clock.advance(59_999);
    assert.equal(runs, 0);
    await clock.advance(60_001);
    assert.equal(runs, 2);
  });
});
