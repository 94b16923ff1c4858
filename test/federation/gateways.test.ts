import assert from 'node:assert/strict';
import { unusableGateways, usableGateways } from '../../federation/policy/gateways.ts';
import { conditionsOf } from '@isthmus/federation/conditions/conditions.ts';
import { simulate } from '../../federation/failover/plan.ts';
import { aGateway } from '../fakes/agent.ts';
import { aMember, Federation } from '../fakes/federation.ts';

describe('whose a gateway is', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west', 'south');
    for (const name of ['east', 'west', 'south']) hub.report(name, { services: { cart: 2 } });
  });
  afterEach(() => hub.end());

  const withGateways = (cluster: string, ...over: Parameters<typeof aGateway>[1][]) =>
    hub.report(cluster, {
      services: { cart: 2 },
      record: {
        gateways: new Map(
          over.map((one, i) => [
            `istio-system/gw/${i}`,
            { name: `istio-system/gw/${i}`, ...aGateway(cluster, one) },
          ]),
        ),
      },
    });
  const record = (cluster: string) => hub.now.observed.get(cluster)!;
  const usable = (cluster: string) => usableGateways(hub.now, record(cluster)).map(({ address }) => address);
  const why = (cluster: string) => unusableGateways(hub.now, record(cluster)).map(({ reason }) => reason);

  it('is the cluster’s that was admitted for its network, whatever another cluster reports', () => {
    withGateways('west', { network: 'network-east', address: '127.9.66.1' });
    assert.deepEqual([usable('west'), why('west')], [[], ['NETWORK_NOT_ADMITTED']]);
    assert.equal(usable('east').length, 1);
    const [condition] = conditionsOf(hub.now, 'west');
    assert.equal(condition?.reason, 'NETWORK_NOT_ADMITTED');
    assert.match(condition.remedy, /isthmus token west --network network-east/);
    assert.deepEqual(conditionsOf(hub.now, 'east'), []);
  });

  it('is the first member’s that reports its address, and never changes hands for a later one', async () => {
    await hub.put(aMember('west', { joinedAt: 5 }));
    const [address = ''] = usable('east');
    withGateways('west', { address });
    assert.deepEqual([usable('east'), usable('west')], [[address], []]);
    assert.deepEqual(why('west'), ['GATEWAY_ADDRESS_TAKEN']);
    assert.match(conditionsOf(hub.now, 'west')[0]?.message ?? '', /belongs to east, which joined earlier/);
    assert.equal(hub.now.index.gatewayOwners.owner(address), 'east');
  });

  it('has no owner before its cluster is bound to a network, nor when its cluster is revoked', async () => {
    await hub.put(aMember('west', { network: undefined }), aMember('south', { admission: 'REVOKED' }));
    assert.deepEqual([usable('west'), usable('south')], [[], []]);
  });

  it('may be shared as a network by clusters that an operator admitted for the same', async () => {
    await hub.put(aMember('west', { network: 'network-east' }));
    withGateways('west', { network: 'network-east' });
    assert.deepEqual([usable('east').length, usable('west').length], [1, 1]);
  });

  it('decides where a plan can move connections to', () => {
    withGateways('west', { network: 'network-east' });
    const request = {
      from: { cluster: 'east' },
      services: [],
      percent: 100,
      scope: 'ALL' as const,
      expiresAt: undefined,
    };
    const made = simulate(hub.now, request, hub.clock.now());
    assert.ok(made.ok);
    const targets = made.value.services[0]?.moves
      .filter(({ client }) => client !== 'west')
      .map(({ to }) => to);
    assert.deepEqual(new Set(targets), new Set(['south']));
  });
});
