import assert from 'node:assert/strict';
import { rank } from '@isthmus/mesh/balance/rank.ts';
import type { Scope, Service } from '@isthmus/mesh/records/service.ts';
import { aWorkload } from '../../fakes/records.ts';

const place = (region: string, zone: string, subzone = '') => ({ locality: { region, zone, subzone } });
const client = aWorkload({
  uid: 'client',
  ...place('r1', 'z1', 's1'),
  node: 'n1',
  cluster: 'east',
  network: 'network-east',
});
const sameAll = { ...client, uid: 'same' };
const otherNode = { ...sameAll, node: 'n2' };
const otherZone = { ...otherNode, ...place('r1', 'z2', 's1') };
const otherRegion = { ...otherNode, ...place('r2', 'z1', 's1') };
const otherNetwork = { ...otherNode, network: 'network-west', cluster: 'west' };
const farAway = { ...otherNetwork, ...place('r2', 'z9') };
const nowhere = { ...otherNetwork, ...place('', '') };

describe('rank by routing preference', () => {
  const usual: readonly Scope[] = ['NETWORK', 'REGION', 'ZONE'];
  const cases: readonly [string, Service['mode'], readonly Scope[], typeof client, number | undefined][] = [
    ['without a mode all are alike', 'UNSPECIFIED', ['REGION'], farAway, 0],
    ['passed through all are alike', 'PASSTHROUGH', ['REGION'], farAway, 0],
    ['all scopes', 'FAILOVER', ['REGION', 'ZONE', 'SUBZONE', 'NODE'], sameAll, 4],
    ['another node', 'FAILOVER', ['REGION', 'ZONE', 'SUBZONE', 'NODE'], otherNode, 3],
    ['another zone ends the comparison', 'FAILOVER', ['REGION', 'ZONE', 'SUBZONE'], otherZone, 1],
    ['another region ends it at once', 'FAILOVER', ['REGION', 'ZONE'], otherRegion, 0],
    ['cluster as a scope', 'FAILOVER', ['CLUSTER', 'REGION'], otherNode, 2],
    ['another cluster', 'FAILOVER', ['CLUSTER', 'REGION'], otherNetwork, 0],
    ['network first: same network outweighs', 'FAILOVER', usual, otherRegion, 3],
    ['network first: same in all', 'FAILOVER', usual, sameAll, 5],
    ['network first: another network is still compared', 'FAILOVER', usual, otherNetwork, 2],
    ['network first: another network, another region', 'FAILOVER', usual, farAway, 0],
    [
      'network not first: another network ends it',
      'FAILOVER',
      ['REGION', 'NETWORK', 'ZONE'],
      otherNetwork,
      1,
    ],
    ['an unknown place is not a known one', 'FAILOVER', usual, nowhere, 0],
    ['without a preference all are alike', 'FAILOVER', [], farAway, 0],
    ['strict: all scopes', 'STRICT', ['REGION', 'NODE'], sameAll, 2],
    ['strict: one is missing', 'STRICT', ['REGION', 'NODE'], otherNode, undefined],
    ['strict: a later one is missing', 'STRICT', ['NODE', 'REGION'], otherNode, undefined],
    ['strict: network first is no excuse', 'STRICT', ['NETWORK', 'NODE'], otherNode, undefined],
    ['strict: without scopes all do', 'STRICT', [], farAway, 0],
  ];
  for (const [name, mode, routingPreference, endpoint, expected] of cases)
    it(name, () => assert.equal(rank({ mode, routingPreference }, client, endpoint), expected));

  it('equals unknown with unknown', () => {
    const lost = { ...client, ...place('', '') };
    assert.equal(rank({ mode: 'FAILOVER', routingPreference: usual }, lost, nowhere), 2);
  });

  it('never puts another network before its own when network is first', () => {
    for (const near of [sameAll, otherNode, otherZone, otherRegion])
      for (const far of [otherNetwork, farAway, nowhere]) {
        const by = (endpoint: typeof client) =>
          rank({ mode: 'FAILOVER', routingPreference: usual }, client, endpoint)!;
        assert.ok(by(near) > by(far));
      }
  });
});
