import assert from 'node:assert/strict';
import { Compiler } from '../../federation/compile/compiler.ts';
import { compile } from '../../federation/compile/compile.ts';
import { drainCluster } from '../../federation/registry/drain.ts';
import { removeCluster, revokeCluster } from '../../federation/registry/membership.ts';
import { withHealth, withServices } from '../../federation/observation/record-steps.ts';
import { aHealth, aService } from '../fakes/agent.ts';
import { Federation } from '../fakes/federation.ts';

describe('federation/compile', () => {
  let hub: Federation;
  const compiler = new Compiler();
  beforeEach(async () => {
    hub = await Federation.start('east', 'west', 'south');
    for (const name of ['east', 'west', 'south'])
      hub.report(name, { services: { cart: 2, [`of-${name}`]: 1 } });
  });
  afterEach(() => hub.end());

  const types = ['policy', 'traffic', 'diversion', 'grant', 'remote', 'intermediate', 'trust-bundle'];
  const west = () => hub.now.observed.get('west')!;
  const health = (healthy: number) => ({
    sequence: 1,
    sentAt: 0,
    proxiesConnected: 1,
    workloads: 1,
    unreadable: [],
    services: [aHealth('cart', healthy), aHealth('of-west', 1)],
  });

  it('gives with a memory what it gives without, whatever changes', async () => {
    const check = () => {
      for (const cluster of ['east', 'west', 'south'])
        for (const type of types)
          assert.deepEqual(compiler.resources(hub.now, cluster, type), compile(hub.now, cluster, type));
    };
    check();
    hub.observe(withHealth(west(), health(1), 1));
    check();
    await hub.run(drainCluster, { cluster: 'east', percent: 50, scope: 'ALL', deadline: undefined });
    check();
    hub.report('south', { services: { cart: 2 }, over: { cart: { exportRequested: false } } });
    check();
  });

  it('gives the same map when a health report has nothing new', () => {
    hub.observe(withHealth(west(), health(1), 1));
    const before = compiler.resources(hub.now, 'east', 'remote');
    const { services } = west();
    hub.observe(withHealth(west(), health(1), 2));
    assert.equal(west().services, services);
    assert.equal(compiler.resources(hub.now, 'east', 'remote'), before);
    hub.observe(withHealth(west(), health(0), 3));
    assert.notEqual(compiler.resources(hub.now, 'east', 'remote'), before);
  });

  it('knows the endpoints of a service whose health was reported before itself', () => {
    hub.observe(withHealth(west(), { ...health(1), services: [aHealth('late', 2)] }, 1));
    hub.observe(withServices(west(), [['shop/late', aService('late')]], 2));
    assert.equal(west().services.get('shop/late')?.groups[0]?.healthy, 2);
  });

  it('forgets clusters that are removed', async () => {
    const own = new Compiler();
    for (const cluster of ['east', 'west', 'south'])
      for (const type of types) own.resources(hub.now, cluster, type);
    assert.deepEqual([...own.remembered].sort(), ['east', 'south', 'west']);
    await hub.run(revokeCluster, { cluster: 'south' });
    await hub.run(removeCluster, { cluster: 'south' });
    own.resources(hub.now, 'east', 'remote');
    assert.deepEqual([...own.remembered].sort(), ['east', 'west']);
  });

  it('takes in ten thousand services in one go', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => [`shop/s${i}`, aService(`s${i}`)] as const);
    const record = withServices(west(), many, 1);
    assert.equal(record.services.size, 10_002);
  });
});
