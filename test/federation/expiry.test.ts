import assert from 'node:assert/strict';
import type { Failover } from '@isthmus/api/domain/failover.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { drainCluster } from '../../federation/registry/drain.ts';
import { undoFailover } from '../../federation/failover/commands.ts';
import { trafficShiftsOf } from '@isthmus/federation/compile/traffic-shifts.ts';
import { watchExpiry } from '../../federation/failover/expiry.ts';
import { Federation } from '../fakes/federation.ts';
import { inShop } from '../fakes/services.ts';

const aFailover = (over: Partial<Failover> = {}): Failover => ({
  kind: 'failover',
  id: 'f1',
  from: { cluster: 'east' },
  clusters: ['east'],
  services: [inShop('cart')],
  percent: 80,
  scope: 'ALL',
  owner: 'admin',
  reason: '',
  createdAt: 0,
  expiresAt: undefined,
  returning: undefined,
  ...over,
});

describe('federation/failover: taken back', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    hub.report('east', { services: { cart: 2 } });
    hub.report('west', { services: { cart: 2 } });
    watchExpiry({ live: hub.live, runner: hub.runner, clock: hub.clock, log: silentLog }, hub.stop.signal);
  });
  afterEach(() => hub.end());
  const percents = () => trafficShiftsOf(hub.now).map(({ percent }) => percent);

  it('a failover returns a quarter at a time, the first at once', async () => {
    await hub.put(aFailover());
    assert.deepEqual(percents(), [80]);
    const outcome = await hub.run(undoFailover, { id: 'f1' });
    assert.ok(outcome.ok);
    const seen = [percents()];
    for (let i = 0; i < 3; i++) {
      await hub.pass(3100);
      seen.push(percents());
    }
    assert.deepEqual(seen, [[60], [40], [20], []]);
    assert.equal(hub.now.intent.failovers.size, 0);
  });

  it('it waits while what it returns to is away or has nothing healthy, and for nothing that is drained anyway', async () => {
    await hub.put(aFailover({ clusters: ['east', 'west'] }));
    hub.report('east', { services: { cart: 0 } });
    const outcome = await hub.run(undoFailover, { id: 'f1' });
    assert.ok(outcome.ok && /east cannot take/.test(outcome.warnings.map(({ message }) => message).join()));
    await hub.pass(20_000);
    assert.deepEqual(percents(), [80, 80]);
    hub.report('east', { services: { cart: 1 } });
    await hub.pass(1100);
    assert.deepEqual(percents(), [60, 60]);
    hub.report('east', { services: { cart: 1 }, record: { link: { kind: 'UNREACHABLE', since: 0 } } });
    await hub.pass(20_000);
    assert.deepEqual(percents(), [60, 60]);
    await hub.run(drainCluster, { cluster: 'east', percent: 100, scope: 'ALL', deadline: undefined });
    await hub.pass(20_000);
    assert.equal(hub.now.intent.failovers.size, 0);
  });

  it('it waits for a cluster that is back until its agent has counted: counts of before its outage prove nothing', async () => {
    await hub.put(aFailover());
    hub.link('east', 'away');
    await hub.run(undoFailover, { id: 'f1' });
    hub.link('east', 'here');
    await hub.pass(20_000);
    assert.deepEqual(percents(), [80]);
    hub.link('east', 'whole');
    await hub.pass(1100);
    assert.deepEqual(percents(), [60]);
  });

  it('is taken back once only', async () => {
    await hub.put(aFailover());
    await hub.run(undoFailover, { id: 'f1' });
    const again = await hub.run(undoFailover, { id: 'f1' });
    assert.ok(!again.ok && again.errors[0]?.code === 'CONFLICT');
  });

  it('takes a failover back when its time is over, and says why in the audit', async () => {
    await hub.put(aFailover({ expiresAt: hub.clock.now() + 5000 }));
    await hub.pass(4000);
    assert.deepEqual(percents(), [80]);
    await hub.pass(1500);
    assert.deepEqual(percents(), [60]);
    const [last] = (await hub.store.audit({ limit: 1, system: true })).records;
    assert.deepEqual([last?.action, last?.actor, last?.reason], ['undoFailover', 'hub', 'its time is over']);
    await hub.pass(12_000);
    assert.deepEqual(percents(), []);
  });
});
