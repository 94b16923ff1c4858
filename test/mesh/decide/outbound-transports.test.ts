import { expectNames, namesIn } from '@isthmus/mesh/identity/expected-names.ts';
import assert from 'node:assert/strict';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { aService } from '../../fakes/records.ts';
import {
  type Case,
  cartPod,
  decide,
  doubleWest,
  expectOf,
  hostnameGateway,
  inUnknown,
  openPod,
  plainClient,
  plainPod,
  remote,
  routesOf,
  sidecarClient,
  sidecarPod,
  sniCart,
  toAddress,
  decisionText,
} from './outbound-asking.ts';
import { backs, cart, client, entry, network, pod, stateOf, westGateway } from './world.ts';

describe('outbound: who can speak what, in one network', () => {
  const cases: readonly Omit<Case, 'target'>[] = [
    {
      name: 'ambient to ambient',
      state: stateOf([cartPod]),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    {
      name: 'ambient to classic sidecar',
      state: stateOf([sidecarPod]),
      expected: `istio-mtls 10.0.0.2:8080 as ${sniCart}`,
    },
    {
      name: 'ambient to one that takes classic clients prefers HBONE',
      state: stateOf([openPod]),
      expected: 'hbone 10.0.0.2:15008 for 10.0.0.2:8080',
    },
    { name: 'ambient to none', state: stateOf([plainPod]), expected: 'plaintext 10.0.0.2:8080' },
    {
      name: 'sidecar to sidecar',
      state: stateOf([sidecarPod]),
      source: sidecarClient,
      expected: `istio-mtls 10.0.0.2:8080 as ${sniCart}`,
    },
    {
      name: 'sidecar to a pod whose ztunnel takes classic clients',
      state: stateOf([openPod]),
      source: sidecarClient,
      expected: `istio-mtls 10.0.0.2:8080 as ${sniCart}`,
    },
    {
      name: 'sidecar to a pod under another ztunnel',
      state: stateOf([cartPod]),
      source: sidecarClient,
      expected: 'refuse PEER_CANNOT_TERMINATE',
    },
    {
      name: 'sidecar to none',
      state: stateOf([plainPod]),
      source: sidecarClient,
      expected: 'plaintext 10.0.0.2:8080',
    },
    {
      name: 'none to ambient',
      state: stateOf([cartPod]),
      source: plainClient,
      expected: 'plaintext 10.0.0.2:8080',
    },
    {
      name: 'none to none',
      state: stateOf([plainPod]),
      source: plainClient,
      expected: 'plaintext 10.0.0.2:8080',
    },
  ];
  for (const { name, state, source, expected } of cases)
    it(name, () => assert.equal(decisionText(decide(state, toAddress('10.1.0.1'), source)), expected));

  it('a pod that is called by address is named so to its sidecar', () =>
    assert.equal(
      decisionText(decide(stateOf([sidecarPod]), toAddress('10.0.0.2', 8080))),
      'istio-mtls 10.0.0.2:8080 as outbound_.8080_._.10.0.0.2',
    ));
});

describe('outbound: across networks', () => {
  const cases: readonly Omit<Case, 'target'>[] = [
    { name: 'double_hbone', state: remote(), expected: doubleWest },
    {
      name: 'failover_to_remote',
      state: stateOf([{ ...cartPod, status: 'UNHEALTHY' }, entry(cart, 'hbone'), westGateway]),
      expected: doubleWest,
    },
    {
      name: 'ambient to classic sidecar',
      state: remote({}, 'istio-mtls'),
      expected: `istio-mtls 20.0.0.1:15443 as ${sniCart}`,
    },
    { name: 'ambient to none', state: remote({}, 'plaintext'), expected: 'refuse NO_MTLS' },
    {
      name: 'sidecar to sidecar',
      state: remote({}, 'istio-mtls'),
      source: sidecarClient,
      expected: `istio-mtls 20.0.0.1:15443 as ${sniCart}`,
    },
    {
      name: 'sidecar to a pod whose ztunnel takes classic clients',
      state: remote({ classicClients: true }),
      source: sidecarClient,
      expected: `istio-mtls 20.0.0.1:15443 as ${sniCart}`,
    },
    {
      name: 'sidecar to a pod under another ztunnel',
      state: remote(),
      source: sidecarClient,
      expected: 'refuse PEER_CANNOT_TERMINATE',
    },
    { name: 'none to ambient', state: remote(), source: plainClient, expected: 'refuse NO_MTLS' },
    {
      name: 'none to sidecar',
      state: remote({}, 'istio-mtls'),
      source: plainClient,
      expected: 'refuse NO_MTLS',
    },
    { name: 'unresolvable gateway', state: remote(inUnknown), expected: 'refuse NO_GATEWAY' },
    {
      name: 'unresolvable gateway, for a sidecar',
      state: remote(inUnknown, 'istio-mtls'),
      source: sidecarClient,
      expected: 'refuse NO_GATEWAY',
    },
    {
      name: 'no gateway is named',
      state: remote({ networkGateway: undefined }),
      expected: 'refuse NO_GATEWAY',
    },
    {
      name: 'the gateway passes nothing through',
      state: remote({ passthroughPort: 0 }, 'istio-mtls'),
      expected: 'refuse NO_GATEWAY',
    },
    {
      name: 'the gateway itself gives the passthrough port',
      state: stateOf([
        entry(cart, 'istio-mtls', { passthroughPort: 0 }),
        { ...westGateway, passthroughPort: 15444 },
      ]),
      expected: `istio-mtls 20.0.0.1:15444 as ${sniCart}`,
    },
    {
      name: 'a gateway that is a named workload',
      state: stateOf([
        entry(cart, 'hbone', { networkGateway: hostnameGateway }),
        { ...westGateway, hostname: 'gw.west' },
      ]),
      expected: doubleWest,
    },
    {
      name: 'a named port is the business of the other side',
      state: stateOf(
        [entry(cart, 'hbone'), westGateway],
        [{ ...cart, ports: [{ servicePort: 80, targetPort: 0 }] }],
      ),
      expected: doubleWest,
    },
  ];
  for (const { name, state, source, expected } of cases)
    it(name, () => {
      assert.equal(decisionText(decide(state, toAddress('10.1.0.1'), source)), expected);
      assert.doesNotMatch(
        decisionText(decide(state, toAddress('10.1.0.1'), source)),
        /plaintext|passthrough/,
      );
    });

  it('a pod of another network is not called by address', () => {
    const there = pod('cart', '10.0.0.2', { network, networkGateway: undefined });
    const decision = decide(stateOf([there]), toAddress('10.0.0.2', 8080), {
      ...client,
      network: 'network-south',
    });
    assert.equal(decisionText(decision), 'refuse NO_GATEWAY');
  });

  it('a gateway that is a service: one healthy endpoint of it, on its target port', () => {
    const service = aService({
      name: 'gw',
      namespace: 'istio-system',
      hostname: 'gw.west',
      ports: [{ servicePort: 15008, targetPort: 15009 }],
      subjectAltNames: ['spiffe://cluster.local/ns/istio-system/sa/any-gateway'],
    });
    const member = { ...westGateway, ...backs(service) };
    const sick = { ...member, uid: 'sick', addresses: ['20.0.0.8'], status: 'UNHEALTHY' as const };
    const state = stateOf(
      [entry(cart, 'hbone', { networkGateway: hostnameGateway }), sick, member],
      [cart, service],
    );
    const [route] = routesOf(decide(state, toAddress('10.1.0.1')));
    assert.ok(route?.kind === 'double-hbone');
    assert.deepEqual(route.gateway, {
      address: '20.0.0.1',
      port: 15009,
      expect: expectNames('spiffe://cluster.local/ns/istio-system/sa/eastwest-gateway', [
        'spiffe://cluster.local/ns/istio-system/sa/any-gateway',
      ]),
      cluster: 'west',
    });
    const without = stateOf(
      [entry(cart, 'hbone', { networkGateway: hostnameGateway }), sick],
      [cart, service],
    );
    assert.equal(decisionText(decide(without, toAddress('10.1.0.1'))), 'refuse NO_GATEWAY');
  });
});

describe('outbound: a port that not every cluster has', () => {
  const service = aService({
    ...cart,
    ports: [...cart.ports, { servicePort: 90, targetPort: 0 }],
  });
  const ofPort = (servicePort: number, name: string) =>
    entry(service, 'hbone', {
      uid: `network-west/SplitHorizonWorkload/${name}`,
      services: new Map([[service.key, [{ servicePort, targetPort: 0 }]]]),
    });
  const called = { ...toAddress('10.1.0.1'), port: 90 };

  it('goes to entries that have it, and to no other', () => {
    const state = stateOf([ofPort(80, 'a'), ofPort(90, 'b'), westGateway], [service]);
    assert.deepEqual(
      routesOf(decide(state, called)).map(({ workload }) => workload.uid),
      [ofPort(90, 'b').uid],
    );
  });

  it('is refused where no entry has it', () =>
    assert.equal(
      decisionText(decide(stateOf([ofPort(80, 'a'), westGateway], [service]), called)),
      'refuse NO_SUCH_PORT',
    ));

  it('is taken by an entry that maps no port', () => {
    const state = stateOf(
      [entry(service, 'hbone', { services: new Map([[service.key, []]]) }), westGateway],
      [service],
    );
    assert.equal(routesOf(decide(state, called)).length, 1);
  });
});

describe('outbound: whom to expect', () => {
  const id = (name: string) => `spiffe://cluster.local/ns/shop/sa/${name}`;
  it('HBONE: the workload, and whom its service lists', () =>
    assert.deepEqual(expectOf(stateOf([cartPod])), [id('cart'), id('cart-of-all')]));
  it('HBONE by address: the workload alone', () =>
    assert.deepEqual(expectOf(stateOf([cartPod]), toAddress('10.0.0.2')), [id('cart')]));
  it('a workload that stands for others: those', () =>
    assert.deepEqual(
      expectOf(stateOf([{ ...cartPod, subjectAltNames: [id('a'), id('b')] }]), toAddress('10.0.0.2')),
      [id('a'), id('b')],
    ));
  it('Istio mTLS in one network: as HBONE', () =>
    assert.deepEqual(expectOf(stateOf([sidecarPod])), [id('cart'), id('cart-of-all')]));

  it('a double tunnel: outside the gateway alone, inside whom the entry lists', () => {
    const [route] = routesOf(decide(remote(), toAddress('10.1.0.1')));
    assert.ok(route?.kind === 'double-hbone');
    assert.deepEqual(namesIn(route.gateway.expect), [
      'spiffe://cluster.local/ns/istio-system/sa/eastwest-gateway',
    ]);
    assert.deepEqual(namesIn(route.expect), [id('cart-of-west')]);
  });
  it('a double tunnel, where the entry lists no identity: those of the service', () =>
    assert.deepEqual(expectOf(remote({ subjectAltNames: [] })), [id('cart-of-all')]));
  it('Istio mTLS across networks: whom the entry lists', () =>
    assert.deepEqual(expectOf(remote({}, 'istio-mtls')), [id('cart-of-west')]));
  it('Istio mTLS across networks, where the entry lists no identity: those of the service', () =>
    assert.deepEqual(expectOf(remote({ subjectAltNames: [] }, 'istio-mtls')), [id('cart-of-all')]));

  for (const transport of ['hbone', 'istio-mtls'] as const)
    it(`${transport} across networks to an unknown identity is refused`, () => {
      const state = stateOf(
        [entry(cart, transport, { subjectAltNames: [] }), westGateway],
        [{ ...cart, subjectAltNames: [] }],
      );
      assert.equal(decisionText(decide(state, toAddress('10.1.0.1'))), 'refuse NO_IDENTITY_KNOWN');
    });

  it('of another trust domain: its own name', () => {
    const foreign = { ...cartPod, trustDomain: 'other.domain' as TrustDomain };
    assert.deepEqual(expectOf(stateOf([foreign]), toAddress('10.0.0.2')), [
      'spiffe://other.domain/ns/shop/sa/cart',
    ]);
  });
});
