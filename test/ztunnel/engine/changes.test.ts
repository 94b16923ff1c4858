import assert from 'node:assert/strict';
import { Changes } from '@isthmus/ztunnel/engine/changes.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('ztunnel/engine changes', () => {
  it('wake those who wait, once, and leave no timer', async () => {
    const clock = new FakeClock();
    const changes = new Changes(clock);
    const both = Promise.all([changes.wait(5000), changes.wait(5000)]);
    changes.tell();
    await both;
    assert.deepEqual([changes.size, clock.pending], [0, 0]);
  });

  it('are not waited for any more when the time is over', async () => {
    const clock = new FakeClock();
    const changes = new Changes(clock);
    const waits = Promise.all(Array.from({ length: 100 }, () => changes.wait(5000)));
    await clock.advance(5000);
    await waits;
    assert.equal(changes.size, 0);
  });
});
