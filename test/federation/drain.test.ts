import assert from 'node:assert/strict';
import { trafficShiftsOf } from '@isthmus/federation/compile/traffic-shifts.ts';
import { drainCluster, type Drain } from '../../federation/registry/drain.ts';
import { Federation } from '../fakes/federation.ts';

describe('a drain’s deadline', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
  });
  afterEach(() => hub.end());
  const drain = (over: Partial<Drain>) =>
    hub.run(drainCluster, { cluster: 'east', percent: 100, scope: 'ALL', deadline: undefined, ...over });

  it('is sent to clusters with their other resources', async () => {
    const deadline = hub.clock.now() + 60_000;
    assert.ok((await drain({ deadline })).ok);
    assert.deepEqual(
      [...trafficShiftsOf(hub.now)].map((one) => [one.cluster, one.percent, one.deadline]),
      [['east', 100, deadline]],
    );
  });

  for (const [what, over, message] of [
    ['that has passed', { deadline: 0 }, /has passed/],
    [
      'of a partial drain',
      { deadline: Number.MAX_SAFE_INTEGER, percent: 99 },
      /connections to close cannot be selected/,
    ],
  ] as const)
    it(`is refused ${what}`, async () => {
      const outcome = await drain(over);
      assert.ok(!outcome.ok);
      assert.deepEqual([outcome.errors[0]?.code, outcome.errors[0]?.field.at(-1)], ['INVALID', 'deadline']);
      assert.match(outcome.errors[0]?.message ?? '', message);
    });
});
