import assert from 'node:assert/strict';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { countingLog, happened, type WrittenLine } from '../../fakes/counting-log.ts';

describe('mesh/process/limited lines', () => {
  let clock: FakeClock;
  let lines: WrittenLine[];
  let limited: LimitedLines;
  beforeEach(() => {
    clock = new FakeClock();
    const counting = countingLog();
    lines = counting.lines;
    limited = new LimitedLines(clock, counting.log);
  });
  const refuse = (count: number, kind = 'refused') => {
    for (let i = 0; i < count; i++) limited.warn(kind, { kind, i }, 'refused');
  };

  for (const [count, written] of [
    [9, 9],
    [10, 10],
    [11, 11],
    [12, 11],
    [1000, 11],
  ] as const)
    it(`writes ${written} lines for ${count} refusals at once, which stand for all of them`, async () => {
      refuse(count);
      assert.equal(lines.length, Math.min(count, 10));
      await clock.advance(1000);
      assert.equal(lines.length, written);
      assert.equal(happened(lines, 'refused'), count);
      assert.equal(clock.pending, 0);
    });

  it('writes one line a second while it goes on, and the last one with what came after it', async () => {
    for (let second = 0; second < 60; second++)
      for (let i = 0; i < 10; i++) {
        refuse(100);
        await clock.advance(100);
      }
    await clock.advance(1000);
    assert.ok(lines.length <= 10 + 61, `${lines.length} lines`);
    assert.equal(happened(lines, 'refused'), 60_000);
    assert.deepEqual(lines.at(-1)?.['i'], 99);
  });

  it('counts each kind for itself, and lets as many through again after a quiet time', async () => {
    refuse(1000, 'a');
    refuse(1, 'b');
    assert.deepEqual(lines.at(-1), { kind: 'b', i: 0, message: 'refused' });
    await clock.advance(60_000);
    lines.length = 0;
    refuse(10, 'a');
    assert.equal(lines.length, 10);
    assert.ok(lines.every((line) => !('suppressed' in line)));
  });

  it('counts kinds together from the 1,001st on, and forgets those that are quiet', async () => {
    for (let i = 0; i < 1000; i++) refuse(1, `kind ${i}`);
    assert.equal(lines.length, 1000);
    for (let i = 1000; i < 2000; i++) refuse(1, `kind ${i}`);
    assert.equal(lines.length, 1010);
    await clock.advance(60_000);
    assert.equal(happened(lines, 'refused'), 2000);
    lines.length = 0;
    for (let i = 2000; i < 3000 - 1; i++) refuse(1, `kind ${i}`);
    assert.equal(lines.length, 999);
  });
});
