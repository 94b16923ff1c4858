import assert from 'node:assert/strict';
import { withPulse } from '../../../federation/observation/health-steps.ts';
import { withRejections } from '../../../federation/observation/record-steps.ts';
import { removeCluster, revokeCluster } from '../../../federation/registry/membership.ts';
import { Federation } from '../../fakes/federation.ts';

describe('federation/observation', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
  });
  afterEach(() => hub.end());

  const rejected = () => hub.now.observed.get('east')?.rejectedReports.size;
  const reject = (name: string) =>
    hub.observations.update('east', (record) => {
      const one = { type: 'service', name, why: 'not well formed', at: hub.clock.now(), limit: undefined };
      return withRejections(record, 'service', [], [one]);
    });

  it('forgets each rejected report 150 s after the agent has last offered it, without any report meanwhile', async () => {
    reject('shop/a');
    await hub.clock.advance(1000);
    reject('shop/b');
    await hub.clock.advance(148_999);
    assert.equal(rejected(), 2);
    await hub.clock.advance(1);
    assert.equal(rejected(), 1);
    await hub.clock.advance(1000);
    assert.equal(rejected(), 0);
    assert.equal(hub.clock.pending, 0);
  });

  it('names what is shown of a cluster when a rejected report is forgotten', async () => {
    reject('shop/a');
    await hub.turn();
    const shown: string[] = [];
    hub.live.onChange((changes) => shown.push(...changes.shown));
    await hub.clock.advance(150_000);
    await hub.turn();
    assert.deepEqual(shown, ['east']);
  });

  it('is one map for the life of the hub', () => {
    const { observed } = hub.now;
    hub.report('east', { services: { cart: 1 } });
    assert.equal(hub.now.observed, observed);
  });

  it('keeps nothing of a cluster from the commit on that removes it', async () => {
    const before = hub.observations.size;
    reject('shop/a');
    await hub.run(revokeCluster, { cluster: 'east' });
    assert.equal(hub.now.observed.has('east'), true);
    await hub.run(removeCluster, { cluster: 'east' });
    assert.equal(hub.now.observed.has('east'), false);
    assert.deepEqual([hub.observations.size, hub.clock.pending], [before, 0]);
  });

  for (const [skew, names] of [
    [30_000, []],
    [30_001, ['east']],
    [-30_001, ['east']],
  ] as const)
    it(`a clock that is ${skew} ms off ${names.length > 0 ? 'is shown' : 'changes nothing that is shown'}`, async () => {
      hub.report('east', {});
      await hub.turn();
      const shown: string[] = [];
      hub.live.onChange((changes) => shown.push(...changes.shown));
      const now = hub.clock.now();
      const report = { sequence: 1, sentAt: now + skew, proxiesConnected: 0, workloads: 0, services: [] };
      hub.observations.update('east', (record) => withPulse(record, { ...report, unreadable: [] }, now));
      await hub.turn();
      assert.deepEqual(shown, names);
    });
});
