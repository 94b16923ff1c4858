import assert from 'node:assert/strict';
import { executeFailover } from '../../federation/failover/commands.ts';
import { simulate, type FailoverRequest } from '../../federation/failover/plan.ts';
import { Plans } from '../../federation/failover/plans.ts';
import { createJoinToken } from '../../federation/registry/join-tokens.ts';
import { drainCluster } from '../../federation/registry/drain.ts';
import { aGateway } from '../fakes/agent.ts';
import { Federation } from '../fakes/federation.ts';
import { inShop } from '../fakes/services.ts';

const request = (over: Partial<FailoverRequest> = {}): FailoverRequest => ({
  from: { cluster: 'east' },
  services: [],
  percent: 100,
  scope: 'ALL',
  expiresAt: undefined,
  ...over,
});

describe('federation/failover: plans', () => {
  let hub: Federation;
  let plans: Plans;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west', 'south');
    plans = new Plans(hub.clock);
    for (const name of ['east', 'west', 'south']) hub.report(name, { services: { cart: 2 } });
  });
  afterEach(() => hub.end());

  const plan = (over: Partial<FailoverRequest> = {}) => {
    const made = simulate(hub.now, request(over), hub.clock.now());
    assert.ok(made.ok, JSON.stringify(made));
    return made.value;
  };
  const targets = () => new Set(plan().services[0]?.moves.map(({ to }) => to));
  const gateways = (over: object) => new Map([['gw', { name: 'gw', ...aGateway('west', over) }]]);
  const drain = (cluster: string, dryRun = true) =>
    hub.run(drainCluster, { cluster, percent: 100, scope: 'ALL', deadline: undefined }, { dryRun });
  const noAlternative = async (cluster: string) => {
    const outcome = await drain(cluster);
    assert.ok(outcome.ok);
    return outcome.payload.noAlternative;
  };

  it('leave the memory when their time has passed and the next is kept', async () => {
    const one = plan();
    plans.keep('p', one);
    await hub.clock.advance(15 * 60_000 - 1);
    plans.keep('q', one);
    assert.equal(plans.size, 2);
    await hub.clock.advance(1);
    plans.keep('r', one);
    assert.deepEqual([plans.size, plans.get('p'), plans.get('q')], [2, undefined, one]);
  });

  it('of nothing is refused: it would be taken for everything', () => {
    hub.report('east', { services: { cart: 2 }, over: { cart: { exportRequested: false } } });
    const made = simulate(hub.now, request(), hub.clock.now());
    assert.ok(!made.ok && made.error[0]?.code === 'NO_SERVICES');
  });

  it('names only clusters that can be entered for the transport', () => {
    assert.deepEqual(targets(), new Set(['west', 'south']));
    const closed: Record<string, Parameters<Federation['report']>[1]> = {
      'no gateway': { services: { cart: 2 }, record: { gateways: new Map() } },
      'none that is ready': { services: { cart: 2 }, record: { gateways: gateways({ ready: false }) } },
      'none with HBONE': { services: { cart: 2 }, record: { gateways: gateways({ hbonePort: 0 }) } },
      'plaintext only': { services: { cart: 2 }, transport: 'plaintext' },
      'not exported': { services: { cart: 2 }, over: { cart: { exportRequested: false } } },
      'nothing healthy': { services: { cart: 0 } },
    };
    for (const [what, west] of Object.entries(closed)) {
      hub.report('west', west);
      const fromEast = plan().services[0]?.moves.filter(({ client }) => client !== 'west');
      assert.deepEqual(new Set(fromEast?.map(({ to }) => to)), new Set(['south']), what);
    }
  });

  it('says of a service that is not exported that it stays', () => {
    hub.report('east', { services: { cart: 2, own: 2 }, over: { own: { exportRequested: false } } });
    assert.equal(plan({ services: [inShop('own')] }).services[0]?.noAlternative, true);
    assert.equal(plan({ services: [inShop('cart')] }).services[0]?.noAlternative, false);
  });

  it('a drain’s dry run knows the drains that stand', async () => {
    assert.deepEqual(await noAlternative('east'), []);
    await drain('west', false);
    assert.deepEqual(await noAlternative('east'), []);
    await drain('south', false);
    assert.deepEqual(await noAlternative('east'), ['shop/cart']);
  });

  const changes: Record<string, (hub: Federation) => void | Promise<unknown>> = {
    'a gateway that is no longer ready': () =>
      hub.report('west', { services: { cart: 2 }, record: { gateways: gateways({ ready: false }) } }),
    'a service without a healthy endpoint': () => hub.report('west', { services: { cart: 0 } }),
    'another drain': () => drain('south', false),
    'a client’s region': () => hub.report('west', { services: { cart: 2 }, region: 'r2' }),
  };
  const execute = (id: string, expectedRevision?: number) =>
    hub.run(executeFailover(plans), { planId: id }, { expectedRevision });
  for (const [what, change] of Object.entries(changes))
    it(`is stale after ${what}`, async () => {
      plans.keep('p', plan());
      await change(hub);
      const outcome = await execute('p');
      assert.ok(!outcome.ok && outcome.errors[0]?.code === 'PLAN_STALE');
    });

  it('rests only on what it names: a token, a policy and an export of another service leave it good', async () => {
    hub.report('east', { services: { cart: 2, other: 2 } });
    plans.keep('p', plan({ services: [inShop('cart')] }));
    const token = { cluster: 'north', lifetime: 60_000, namespaces: undefined, network: undefined };
    await hub.run(createJoinToken, token);
    await hub.put(
      {
        kind: 'trafficPolicy',
        namespace: 'shop',
        name: 'other',
        localityOrder: ['REGION'],
        regionFailover: [],
      },
      { kind: 'serviceExport', namespace: 'shop', name: 'other', clusters: [] },
    );
    const outcome = await execute('p');
    assert.ok(outcome.ok, JSON.stringify(outcome));
  });

  it('lists every target whose agent is away', () => {
    const away = (name: string) =>
      hub.report(name, { services: { cart: 2 }, record: { link: { kind: 'UNREACHABLE', since: 1 } } });
    assert.deepEqual(plan().warnings, []);
    away('west');
    away('south');
    assert.deepEqual(
      plan().warnings.map(({ code, message }) => [code, /^(\w+) is unreachable/.exec(message)?.[1]]),
      [
        ['TARGET_UNREACHABLE', 'west'],
        ['TARGET_UNREACHABLE', 'south'],
      ],
    );
  });

  it('is stale after a traffic policy of one of its services', async () => {
    plans.keep('p', plan({ services: [inShop('cart')] }));
    await hub.put({
      kind: 'trafficPolicy',
      namespace: 'shop',
      name: 'cart',
      localityOrder: ['REGION'],
      regionFailover: [],
    });
    const outcome = await execute('p');
    assert.ok(!outcome.ok && outcome.errors[0]?.code === 'PLAN_STALE');
  });

  it('is stale when a region has other clusters, and good when only counts have changed', async () => {
    const region = { from: { region: 'r1' } };
    hub.report('south', { services: { cart: 2 }, region: 'r2' });
    plans.keep('p', plan(region));
    hub.report('west', { services: { cart: 1 } });
    const good = await execute('p');
    assert.ok(good.ok && good.payload.failover?.clusters.join() === 'east,west');
    plans.keep('q', plan(region));
    hub.report('south', { services: { cart: 2 } });
    const stale = await execute('q');
    assert.ok(!stale.ok && stale.errors[0]?.code === 'PLAN_STALE');
  });

  it('is kept for fifteen minutes', async () => {
    plans.keep('p', plan());
    await hub.clock.advance(15 * 60_000 - 1);
    assert.ok(plans.get('p'));
    await hub.clock.advance(1);
    const outcome = await execute('p');
    assert.ok(!outcome.ok && outcome.errors[0]?.code === 'PLAN_UNKNOWN');
  });

  it('is executed at no revision but that of what is not there yet', async () => {
    plans.keep('p', plan());
    const stale = await execute('p', 7);
    assert.ok(!stale.ok && stale.errors[0]?.code === 'STALE_REVISION');
    assert.ok((await execute('p', 0)).ok);
  });
});
