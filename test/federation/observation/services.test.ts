import assert from 'node:assert/strict';
import { withHealth } from '../../../federation/observation/health-steps.ts';
import { withServices } from '../../../federation/observation/record-steps.ts';
import { aHealth, aService } from '../../fakes/agent.ts';
import { Federation } from '../../fakes/federation.ts';
import { inShop } from '../../fakes/services.ts';

describe('federation/observation: services and their endpoint counts', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west', 'south');
    for (const name of ['east', 'west', 'south'])
      hub.report(name, { services: { cart: 2, [`of-${name}`]: 1 } });
  });
  afterEach(() => hub.end());

  const west = () => hub.now.observed.get('west')!;
  const health = (healthy: number) => ({
    sequence: 1,
    sentAt: 0,
    proxiesConnected: 1,
    workloads: 1,
    unreadable: [],
    services: [aHealth('cart', healthy), aHealth('of-west', 1)],
  });

  it('keeps the services of before when a health report has nothing new', () => {
    hub.observe(withHealth(west(), health(1), 1));
    const { services } = west();
    hub.observe(withHealth(west(), health(1), 2));
    assert.equal(west().services, services);
    hub.observe(withHealth(west(), health(0), 3));
    assert.notEqual(west().services, services);
  });

  it('knows the endpoints of a service whose health was reported before itself', () => {
    hub.observe(withHealth(west(), { ...health(1), services: [aHealth('late', 2)] }, 1));
    hub.observe(withServices(west(), [['shop/late', aService('late')]], 2));
    assert.equal(west().services.get(inShop('late'))?.groups[0]?.healthy, 2);
  });

  it('takes in ten thousand services in one go', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => [`shop/s${i}`, aService(`s${i}`)] as const);
    const record = withServices(west(), many, 1);
    assert.equal(record.services.size, 10_002);
  });
});
