import assert from 'node:assert/strict';
import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import { Deadlines } from '@isthmus/cluster-agent/publish/deadlines.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('the deadlines of drains', () => {
  it('are due one by one, and each is noticed once', async () => {
    const clock = new FakeClock();
    const start = clock.now();
    const touched: string[] = [];
    const shift = (id: string, deadline: number | undefined): TrafficShift => ({
      id,
      cluster: 'west',
      percent: 100,
      services: [],
      remoteOnly: false,
      deadline,
    });
    const all = [shift('late', start + 2000), shift('none', undefined), shift('soon', start + 1000)];
    const deadlines = new Deadlines({
      trafficShifts: () => all,
      touch: (key) => touched.push(key.kind === 'deadline' ? key.trafficShift : key.kind),
      clock,
    });
    assert.deepEqual(deadlines.nextDue(), { wall: start + 1000 });
    await clock.advance(1000);
    deadlines.run();
    assert.deepEqual(touched, ['soon']);
    assert.deepEqual(deadlines.nextDue(), { wall: start + 2000 });
    await clock.advance(1000);
    deadlines.run();
    deadlines.run();
    assert.deepEqual(touched, ['soon', 'late']);
    assert.equal(deadlines.nextDue(), undefined);
  });

  it('are due again after the wall clock was set back before them', () => {
    let now = 5000;
    const touched: string[] = [];
    const shift = { id: 'd', cluster: 'west', percent: 100, services: [], remoteOnly: false, deadline: 4000 };
    const deadlines = new Deadlines({
      trafficShifts: () => [shift],
      touch: ({ kind }) => touched.push(kind),
      clock: { now: () => now },
    });
    deadlines.run();
    now = 3000;
    assert.deepEqual(deadlines.nextDue(), { wall: 4000 });
    now = 4000;
    deadlines.run();
    assert.deepEqual(touched, ['deadline', 'deadline']);
  });
});
