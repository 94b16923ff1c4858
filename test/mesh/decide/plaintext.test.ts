import assert from 'node:assert/strict';
import { plaintextRefusal } from '@isthmus/mesh/decide/plaintext.ts';
import { cart, backs, network, pod, stateOf, westGateway } from './world.ts';

const gateway = pod('eastwest-gateway', '10.0.0.250', { eastWestGateway: true });
const shared = pod('gateway-2', '10.0.0.251', { eastWestGateway: true, hostNetwork: true });
const neighbour = pod('neighbour', '10.0.0.7');
const remote = { ...pod('remote', '10.9.0.7'), uid: 'west//Pod/shop/remote', network: 'network-west' };
/** Two networks use one address. */
const twin = { ...remote, uid: 'west//Pod/shop/twin', addresses: ['10.0.0.7'] };
const foreignGateway = { ...westGateway, eastWestGateway: true };
const state = stateOf(
  [pod('cart', '10.0.0.2', backs(cart)), gateway, shared, neighbour, remote, twin, foreignGateway],
  [cart],
);

const refused = (address: string) => plaintextRefusal(state, network, address)?.code;

describe('plaintext at a destination', () => {
  for (const [name, address, expected] of [
    ['a workload of its own network', '10.0.0.7', undefined],
    ['an address that nobody knows', '192.0.2.1', undefined],
    ['an east-west gateway of its network', '10.0.0.250', 'FROM_GATEWAY'],
    ['an east-west gateway on the host network', '10.0.0.251', 'FROM_GATEWAY'],
    ['a gateway of another network', westGateway.addresses[0]!, 'OTHER_NETWORK'],
    ['a workload of another network', '10.9.0.7', 'OTHER_NETWORK'],
  ] as const)
    it(`from ${name}: ${expected ?? 'PeerAuthentication decides'}`, () =>
      assert.equal(refused(address), expected));

  it('is not a gateway’s any more when the gateway has gone', () => {
    const changed = stateOf([gateway], []);
    changed.applyAddresses([], [gateway.uid]);
    assert.equal(plaintextRefusal(changed, network, '10.0.0.250'), undefined);
  });
});
