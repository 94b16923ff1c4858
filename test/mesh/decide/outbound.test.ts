import assert from 'node:assert/strict';
import { decideOutbound } from '@isthmus/mesh/decide/outbound.ts';
import { seededRandom } from '../../fakes/random.ts';
import { aService } from '../../fakes/records.ts';
import {
  type Case,
  cartPod,
  decide,
  plainPod,
  toAddress,
  toName,
  decisionText,
  waypoint,
} from './outbound-asking.ts';
import { backs, cart, client, network, pod, stateOf, vip } from './world.ts';

describe('outbound: where to', () => {
  const cases: readonly Case[] = [
    {
      name: 'unknown_dest',
      state: stateOf([]),
      target: toAddress('9.9.9.9', 443),
      expected: 'passthrough 9.9.9.9:443',
    },
    {
      name: 'wrong_network: an address of another network is not looked for here',
      state: stateOf([{ ...cartPod, network: 'network-west' }]),
      target: toAddress('10.0.0.2'),
      expected: 'passthrough 10.0.0.2:80',
    },
    {
      name: 'known_dest_hbone',
      state: stateOf([cartPod]),
      target: toAddress('10.0.0.2', 8080),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'known_dest_tcp',
      state: stateOf([plainPod]),
      target: toAddress('10.0.0.2', 8080),
      expected: 'plaintext 10.0.0.2:8080',
    },
    {
      name: 'known_dest_local_node_hbone: no way round the proxy of the own node',
      state: stateOf([{ ...cartPod, node: client.node }]),
      target: toAddress('10.0.0.2', 8080),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'known_dest_unhealthy: an address is called whatever its health',
      state: stateOf([{ ...cartPod, status: 'UNHEALTHY' }]),
      target: toAddress('10.0.0.2', 8080),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'multiple_address_workload: the address that was called',
      state: stateOf([{ ...cartPod, addresses: ['10.0.0.2', '10.0.0.3'] }]),
      target: toAddress('10.0.0.3', 8080),
      expected: 'hbone 10.0.0.3:15008 for 10.0.0.3:8080',
    },
    {
      name: 'service_ip_families: the family that was called',
      state: stateOf(
        [{ ...cartPod, addresses: ['10.0.0.2', '2001:db8::2'] }],
        [{ ...cart, addresses: [vip('2001:db8::1')] }],
      ),
      target: toAddress('2001:db8::1'),
      expected: 'hbone 2001:db8::2:15008 for [2001:db8::2]:8080',
    },
    {
      name: 'host_network: not found by address',
      state: stateOf([{ ...cartPod, hostNetwork: true }]),
      target: toAddress('10.0.0.2', 8080),
      expected: 'passthrough 10.0.0.2:8080',
    },
    {
      name: 'host_network: found as an endpoint',
      state: stateOf([{ ...cartPod, hostNetwork: true }]),
      target: toAddress('10.1.0.1'),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'vip',
      state: stateOf([cartPod]),
      target: toAddress('10.1.0.1'),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'vip before pod',
      state: stateOf([cartPod, pod('other', '10.1.0.1')]),
      target: toAddress('10.1.0.1'),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'target_port: the endpoint says its own',
      state: stateOf([pod('cart', '10.0.0.2', backs(cart, 9090))]),
      target: toAddress('10.1.0.1'),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:9090',
    },
    {
      name: 'target_port: nobody says one',
      state: stateOf([cartPod], [{ ...cart, ports: [{ servicePort: 80, targetPort: 0 }] }]),
      target: toAddress('10.1.0.1'),
      expected: 'refuse NO_SUCH_PORT',
    },
    {
      name: 'a port that the service has not',
      state: stateOf([cartPod]),
      target: toAddress('10.1.0.1', 81),
      expected: 'refuse NO_SUCH_PORT',
    },
    {
      name: 'empty_service',
      state: stateOf([]),
      target: toAddress('10.1.0.1'),
      expected: 'refuse NO_HEALTHY_UPSTREAM',
    },
    {
      name: 'all_unhealthy',
      state: stateOf([{ ...cartPod, status: 'UNHEALTHY' }]),
      target: toAddress('10.1.0.1'),
      expected: 'refuse NO_HEALTHY_UPSTREAM',
    },
    {
      name: 'all_unhealthy, and all allowed',
      state: stateOf([{ ...cartPod, status: 'UNHEALTHY' }], [{ ...cart, healthPolicy: 'ALLOW_ALL' }]),
      target: toAddress('10.1.0.1'),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'an endpoint without an address',
      state: stateOf([{ ...cartPod, addresses: [] }]),
      target: toAddress('10.1.0.1'),
      expected: 'refuse NO_HEALTHY_UPSTREAM',
    },
    {
      name: 'passthrough_svc: the address that was called',
      state: stateOf(
        [cartPod],
        [{ ...cart, mode: 'PASSTHROUGH', addresses: [vip('10.1.0.0', { prefix: 24 })] }],
      ),
      target: toAddress('10.1.0.77'),
      expected: 'passthrough 10.1.0.77:80',
    },
    {
      name: 'passthrough_svc_with_waypoint',
      state: stateOf([cartPod], [{ ...cart, mode: 'PASSTHROUGH', waypoint }]),
      target: toAddress('10.1.0.1'),
      expected: 'refuse WAYPOINT_UNSUPPORTED',
    },
    {
      name: 'destination_svc_waypoint',
      state: stateOf([cartPod], [{ ...cart, waypoint }]),
      target: toAddress('10.1.0.1'),
      expected: 'refuse WAYPOINT_UNSUPPORTED',
    },
    {
      name: 'destination_waypoint',
      state: stateOf([{ ...cartPod, waypoint }]),
      target: toAddress('10.0.0.2', 8080),
      expected: 'refuse WAYPOINT_UNSUPPORTED',
    },
    {
      name: "destination_waypoint: an endpoint's own waypoint is not asked for when its service is called",
      state: stateOf([{ ...cartPod, waypoint }]),
      target: toAddress('10.1.0.1'),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    ...[15001, 15006, 15008, 15053, 15080].map((port) => ({
      name: `the proxy's own port ${port} on loopback`,
      state: stateOf([]),
      target: toAddress('127.0.0.1', port),
      expected: 'refuse ILLEGAL_PORT',
    })),
    {
      name: 'another port on loopback',
      state: stateOf([]),
      target: toAddress('127.0.0.1', 9000),
      expected: 'passthrough 127.0.0.1:9000',
    },
    {
      name: 'a pod that lives on loopback',
      state: stateOf([pod('cart', '127.16.1.2')]),
      target: toAddress('127.16.1.2', 8080),
      expected: 'hbone 127.16.1.2:15008 for 127.16.1.2:8080',
    },
  ];
  for (const { name, state, target, expected } of cases)
    it(name, () => assert.equal(decisionText(decide(state, target)), expected));

  it('unknown_source is refused with a sentence', () => {
    const decision = decideOutbound(
      stateOf([cartPod]),
      { source: undefined, network, target: toAddress('10.1.0.1') },
      seededRandom(1),
    );
    assert.equal(decisionText(decision), 'refuse UNKNOWN_SOURCE');
  });
});

describe('outbound: by name', () => {
  const other = aService({ name: 'cart', namespace: 'other', addresses: [vip('10.1.0.9')] });
  const services = [cart, other];
  const reached = 'hbone 10.0.0.2:15008 for 10.0.0.2:8080';
  const names: readonly [string, string][] = [
    ['cart.shop.svc.cluster.local', reached],
    ['cart.shop.svc.cluster.local.', reached],
    ['Cart.Shop.svc.cluster.local', reached],
    ['cart.shop.svc', reached],
    ['cart.shop', reached],
    ['cart', reached],
    ['cart.other', 'refuse NO_HEALTHY_UPSTREAM'],
    ['cart.', 'refuse UNKNOWN_HOST'],
    ['nobody.shop', 'refuse UNKNOWN_HOST'],
    ['example.com', 'refuse UNKNOWN_HOST'],
    ['', 'refuse UNKNOWN_HOST'],
  ];
  for (const [hostname, expected] of names)
    it(`'${hostname}'`, () =>
      assert.equal(decisionText(decide(stateOf([cartPod], services), toName(hostname))), expected));

  it('a service of the clusterset by its name there, and no other', () => {
    const name = 'cart.shop.svc.clusterset.local';
    for (const [inClusterset, expected] of [
      [true, reached],
      [false, 'refuse UNKNOWN_HOST'],
    ] as const)
      for (const asked of [name, name.toUpperCase(), `${name}.`])
        assert.equal(
          decisionText(decide(stateOf([cartPod], [{ ...cart, inClusterset }]), toName(asked))),
          expected,
        );
  });

  it('a service without a VIP is reached by name', () =>
    assert.equal(
      decisionText(decide(stateOf([cartPod], [{ ...cart, addresses: [] }]), toName('cart'))),
      reached,
    ));

  it('a workload is reached by its name', () => {
    const named = pod('vm', '10.0.0.7', { hostname: 'vm.example' });
    assert.equal(
      decisionText(decide(stateOf([named]), toName('vm.example', 22))),
      'hbone 10.0.0.7:15008 for 10.0.0.7:22',
    );
  });

  it('what is passed through by address needs one', () => {
    const passed = { ...cart, mode: 'PASSTHROUGH' as const };
    assert.equal(decisionText(decide(stateOf([], [passed]), toName('cart'))), 'passthrough 10.1.0.1:80');
    assert.equal(
      decisionText(decide(stateOf([], [{ ...passed, addresses: [] }]), toName('cart'))),
      'refuse UNKNOWN_HOST',
    );
  });

  it('a service that the client may not see is none', () =>
    assert.equal(
      decisionText(decide(stateOf([], [{ ...other, visibility: 'NAMESPACE' }]), toName('cart.other'))),
      'refuse UNKNOWN_HOST',
    ));
});
