import assert from 'node:assert/strict';
import {
  maxAtOnce,
  maxBackoff,
  settleMillis,
  spacingMillis,
  WriteSchedule,
} from '@isthmus/cluster-agent/status/schedule.ts';

const written = { kind: 'WRITTEN' } as const;
const failed = { kind: 'FAILED', retryAfter: 0 } as const;

describe('the schedule of writes', () => {
  let schedule: WriteSchedule;
  beforeEach(() => {
    schedule = new WriteSchedule();
  });

  it('gathers what is touched within 100 ms', () => {
    schedule.touch('a', 0);
    schedule.touch('a', settleMillis - 1);
    assert.deepEqual(schedule.take(settleMillis - 1), []);
    assert.equal(schedule.next, settleMillis);
    assert.deepEqual(schedule.take(settleMillis), ['a']);
    assert.deepEqual(schedule.take(settleMillis + 1), []);
  });

  it('writes a flapping object once a second, and the last time after the last touch', () => {
    const times: number[] = [];
    for (let now = 0; now <= 10_000; now += 10) {
      if (now <= 5000) schedule.touch('a', now);
      for (const key of schedule.take(now)) {
        times.push(now);
        schedule.done(key, written, now);
      }
    }
    assert.deepEqual(times, [100, 1100, 2100, 3100, 4100, 5100]);
  });

  it('lets an object rest for a second after it was written, and not after there was nothing to write', () => {
    schedule.touch('a', 0);
    schedule.take(100);
    schedule.done('a', written, 200);
    schedule.touch('a', 300);
    assert.equal(schedule.next, 200 + spacingMillis);
    schedule.take(200 + spacingMillis);
    schedule.done('a', { kind: 'SAME' }, 1300);
    schedule.touch('a', 1300);
    assert.equal(schedule.next, 1300 + settleMillis);
  });

  it('looks again at what was touched while it was written', () => {
    schedule.touch('a', 0);
    schedule.take(100);
    schedule.touch('a', 150);
    assert.equal(schedule.next, Infinity);
    schedule.done('a', written, 200);
    assert.equal(schedule.next, 200 + spacingMillis);
  });

  it('has four objects written at the same time, in the order in which they were touched', () => {
    const names = Array.from({ length: maxAtOnce + 1 }, (_, i) => `o${i}`);
    for (const [i, name] of names.entries()) schedule.touch(name, i);
    assert.deepEqual(schedule.take(1000), names.slice(0, maxAtOnce));
    assert.equal(schedule.next, Infinity);
    schedule.done('o1', written, 1000);
    assert.deepEqual(schedule.take(1000), ['o4']);
  });

  it('tries an object that fails after 1 s, then later and later, at most 60 s, and as late as the server asks for', () => {
    schedule.touch('a', 0);
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const now = schedule.next;
      schedule.take(now);
      schedule.done('a', failed, now);
      waits.push(schedule.next - now);
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, maxBackoff, maxBackoff, maxBackoff]);
    const now = schedule.next;
    schedule.take(now);
    schedule.done('a', { kind: 'FAILED', retryAfter: 90_000 }, now);
    assert.equal(schedule.next, now + 90_000);
  });

  it('reads an object again soon that somebody else has changed', () => {
    schedule.touch('a', 0);
    schedule.take(100);
    schedule.done('a', { kind: 'CONFLICT' }, 100);
    assert.equal(schedule.next, 300);
  });

  it('knows nothing of an object a second after it was written', () => {
    schedule.touch('a', 0);
    schedule.take(100);
    schedule.done('a', written, 100);
    assert.deepEqual([...schedule.forget(100 + spacingMillis - 1)], []);
    assert.ok(schedule.knows('a'));
    assert.deepEqual([...schedule.forget(100 + spacingMillis)], ['a']);
    assert.equal(schedule.size, 0);
  });

  it('forgets what waits when it is cleared', () => {
    schedule.touch('a', 0);
    schedule.touch('b', 0);
    schedule.clear();
    assert.equal(schedule.next, Infinity);
    assert.equal(schedule.size, 0);
  });
});
