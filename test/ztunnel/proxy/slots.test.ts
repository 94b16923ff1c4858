import assert from 'node:assert/strict';
import { Slots } from '@isthmus/ztunnel/proxy/slots.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('ztunnel/engine slots', () => {
  const world = (most: number) => {
    const clock = new FakeClock();
    const reported: boolean[] = [];
    return { clock, reported, slots: new Slots(most, clock, (stuck) => reported.push(stuck)) };
  };

  it('are as many as there are, and come back once', () => {
    const { slots } = world(2);
    const [one, two] = [slots.take(), slots.take()];
    assert.ok(one && two);
    assert.equal(slots.take(), undefined);
    one();
    one();
    assert.equal(slots.taken, 1);
    assert.ok(slots.take());
    assert.equal(slots.take(), undefined);
  });

  it('are stuck when all were taken for 30 s, no sooner, and no longer once one comes back', async () => {
    const { slots, clock, reported } = world(2);
    const [one] = [slots.take(), slots.take()];
    await clock.advance(29_999);
    assert.deepEqual(reported, []);
    await clock.advance(1);
    assert.deepEqual(reported, [true]);
    await clock.advance(60_000);
    one?.();
    assert.deepEqual(reported, [true, false]);
    assert.equal(clock.pending, 0);
  });

  it('are not stuck while one comes back now and then, though it is taken again at once', async () => {
    const { slots, clock, reported } = world(1);
    for (let round = 0; round < 5; round++) {
      const release = slots.take();
      await clock.advance(29_999);
      release?.();
    }
    assert.deepEqual(reported, []);
  });

  it('are not stuck while one is free, however long', async () => {
    const { slots, clock, reported } = world(2);
    slots.take();
    await clock.advance(600_000);
    assert.deepEqual(reported, []);
  });
});
