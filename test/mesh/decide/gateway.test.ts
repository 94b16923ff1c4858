import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decideGateway, type GatewayDecision, type GatewayRequest } from '@isthmus/mesh/decide/gateway.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { seededRandom } from '../../fakes/random.ts';
import { aService, aWorkload } from '../../fakes/records.ts';
import { backs, cart, entry, network, pod, stateOf, westGateway } from './world.ts';

const exported: Service = { ...cart, exported: true, grantedClusters: ['west'] };
const place = { locality: { region: 'region-a', zone: 'a1', subzone: '' } };
const ambient = pod('cart', '10.0.0.2', { ...backs(exported), ...place });
const sidecar = pod('cart-s', '10.0.0.3', {
  ...backs(exported, 9090),
  ...place,
  transport: 'istio-mtls',
  sidecar: true,
});
const plain = pod('cart-p', '10.0.0.4', { ...backs(exported), ...place, transport: 'plaintext' });

const connect = (
  authority: string,
  over: { peer?: { cluster: string } | undefined; target?: string } = {},
): GatewayRequest => ({
  network,
  cluster: 'east',
  authority,
  peer: { cluster: 'west' },
  ...over,
});
const passthrough = (sni: string | undefined, alpn: readonly string[] = ['istio']): GatewayRequest => ({
  network,
  cluster: 'east',
  sni,
  alpn,
});
const authority = `${cart.hostname}:80`;
const sni = `outbound_.80_._.${cart.hostname}`;

const decisionText = (decision: GatewayDecision): string =>
  decision.kind === 'refuse'
    ? `${decision.status} ${decision.code}`
    : decision.candidates.map(({ address, port }) => `${address}:${port}`).join(' ');
const decide = (state: MeshState, request: GatewayRequest, seed = 1) =>
  decideGateway(state, request, seededRandom(seed));

const orders = aService({ name: 'orders' });
const elsewhere = aService({ name: 'elsewhere' });
const state = stateOf(
  [
    ambient,
    sidecar,
    plain,
    pod('orders', '10.0.0.9', backs(orders)),
    entry(elsewhere, 'hbone'),
    entry(exported, 'hbone'),
    westGateway,
  ],
  [exported, orders, elsewhere],
);

describe('gateway: what it forwards', () => {
  const cases: readonly [string, MeshState, GatewayRequest, string][] = [
    ['an exported service: to HBONE of its endpoints', state, connect(authority), '10.0.0.2:15008'],
    [
      'in whatever case its name is written',
      state,
      connect('CART.shop.svc.cluster.local:80'),
      '10.0.0.2:15008',
    ],
    [
      'passed through: to the port of those that terminate Istio mTLS',
      state,
      passthrough(sni),
      '10.0.0.3:9090',
    ],
    [
      'passed through: to ambient pods that take classic clients',
      stateOf([{ ...ambient, classicClients: true }], [exported]),
      passthrough(sni),
      '10.0.0.2:8080',
    ],
    ['by target: the cluster', state, connect(authority, { target: 'east' }), '10.0.0.2:15008'],
    [
      'by target: the cluster, region and zone',
      state,
      connect(authority, { target: 'east/region-a/a1' }),
      '10.0.0.2:15008',
    ],
    [
      'by target: an unknown place asks for nothing',
      state,
      connect(authority, { target: 'east//' }),
      '10.0.0.2:15008',
    ],
    [
      'by target: another cluster of the same network',
      stateOf([ambient, { ...ambient, uid: 'n', cluster: 'north', addresses: ['10.0.0.7'] }], [exported]),
      connect(authority, { target: 'north//' }),
      '10.0.0.7:15008',
    ],
    [
      'without target: its own cluster',
      stateOf([ambient, { ...ambient, uid: 'n', cluster: 'north', addresses: ['10.0.0.7'] }], [exported]),
      connect(authority),
      '10.0.0.2:15008',
    ],
    [
      'of two services of one name the exported one',
      stateOf([ambient], [aService({ ...cart, namespace: 'a', key: `a/${cart.hostname}` }), exported]),
      connect(authority),
      '10.0.0.2:15008',
    ],
    [
      'the unhealthy, where all are allowed',
      stateOf([{ ...ambient, status: 'UNHEALTHY' }], [{ ...exported, healthPolicy: 'ALLOW_ALL' }]),
      connect(authority),
      '10.0.0.2:15008',
    ],
  ];
  for (const [name, among, request, expected] of cases)
    it(name, () => assert.equal(decisionText(decide(among, request)), expected));

  it('at most three, in a random order by capacity', () => {
    const many = Array.from({ length: 5 }, (_, i) => ({
      ...ambient,
      uid: `p${i}`,
      addresses: [`10.0.1.${i}`],
    }));
    const seen = new Set(
      Array.from({ length: 60 }, (_, seed) =>
        decisionText(decide(stateOf(many, [exported]), connect(authority), seed)),
      ),
    );
    assert.ok(seen.size > 20);
    for (const one of seen) assert.equal(new Set(one.split(' ')).size, 3);
  });
});

describe('gateway: no relay', () => {
  const sick = { ...ambient, status: 'UNHEALTHY' as const };
  const cases: readonly [string, MeshState, GatewayRequest, string][] = [
    [
      'a pod of its own cluster that is in another network',
      stateOf([{ ...ambient, network: 'network-west' }], [exported]),
      connect(authority),
      '503 NO_HEALTHY_ENDPOINT',
    ],
    ['a pod address', state, connect('10.0.0.2:8080'), '404 NOT_A_SERVICE'],
    ['a pod address at 15008', state, connect('10.0.0.2:15008'), '404 NOT_A_SERVICE'],
    ['a VIP', state, connect('10.1.0.1:80'), '404 NOT_A_SERVICE'],
    ['a node port', state, connect('192.168.0.1:30080'), '404 NOT_A_SERVICE'],
    ['IPv6', state, connect('[2001:db8::2]:80'), '404 NOT_A_SERVICE'],
    ['localhost by address', state, connect('127.0.0.1:15000'), '404 NOT_A_SERVICE'],
    ['localhost by name', state, connect('localhost:80'), '404 NOT_A_SERVICE'],
    ['a name that does not exist', state, connect('example.com:443'), '404 NOT_A_SERVICE'],
    ['a short name', state, connect('cart:80'), '404 NOT_A_SERVICE'],
    ['a name with a dot at its end', state, connect('cart.shop.svc.cluster.local.:80'), '404 NOT_A_SERVICE'],
    [
      'a service that is not exported',
      state,
      connect('orders.shop.svc.cluster.local:80'),
      '404 NOT_EXPORTED',
    ],
    ['another port of an exported one', state, connect(`${cart.hostname}:8080`), '404 NOT_EXPORTED'],
    ['a host of another network', state, connect('elsewhere.shop.svc.cluster.local:80'), '503 OTHER_NETWORK'],
    [
      'a cluster of another network',
      state,
      connect(authority, { target: 'west/region-b/b1' }),
      '503 OTHER_NETWORK',
    ],
    ['a cluster that nobody knows', state, connect(authority, { target: 'nowhere//' }), '503 OTHER_NETWORK'],
    [
      'a region where nothing is',
      state,
      connect(authority, { target: 'east/region-b/' }),
      '503 NO_HEALTHY_ENDPOINT',
    ],
    [
      'a zone where nothing is',
      state,
      connect(authority, { target: 'east/region-a/a2' }),
      '503 NO_HEALTHY_ENDPOINT',
    ],
    [
      'nothing healthy here, though there is elsewhere',
      stateOf([sick, entry(exported, 'hbone'), westGateway], [exported]),
      connect(authority),
      '503 NO_HEALTHY_ENDPOINT',
    ],
    [
      'nothing with HBONE',
      stateOf([sidecar, plain], [exported]),
      connect(authority),
      '503 NO_HEALTHY_ENDPOINT',
    ],
    [
      'nothing that terminates Istio mTLS',
      stateOf([ambient, plain], [exported]),
      passthrough(sni),
      '503 NO_HEALTHY_ENDPOINT',
    ],
    [
      'an endpoint that serves the port nowhere',
      stateOf([ambient], [{ ...exported, ports: [{ servicePort: 80, targetPort: 0 }] }]),
      connect(authority),
      '503 NO_HEALTHY_ENDPOINT',
    ],
    [
      'a caller of a cluster without grant',
      state,
      connect(authority, { peer: { cluster: 'south' } }),
      '403 NOT_GRANTED',
    ],
    [
      'a caller of its own cluster, which needs no gateway',
      state,
      connect(authority, { peer: { cluster: 'east' } }),
      '403 NOT_GRANTED',
    ],
    ['a caller of no cluster', state, connect(authority, { peer: undefined }), '403 NOT_GRANTED'],
    ['no port', state, connect(cart.hostname), '400 BAD_REQUEST'],
    ['no authority', state, connect(''), '400 BAD_REQUEST'],
    ['a hello that offers no ALPN', state, passthrough(sni, []), '403 NOT_ISTIO_MTLS'],
    [
      'a hello that offers only ALPN of others',
      state,
      passthrough(sni, ['h2', 'http/1.1']),
      '403 NOT_ISTIO_MTLS',
    ],
    ['no server name', state, passthrough(undefined), '400 BAD_REQUEST'],
    ['a server name of another form', state, passthrough(cart.hostname), '400 BAD_REQUEST'],
    [
      'a subset, which is not distinguished here',
      state,
      passthrough(`outbound_.80_.v1_.${cart.hostname}`),
      '400 BAD_REQUEST',
    ],
    [
      'a server name with a port that is none',
      state,
      passthrough(`outbound_.99999_._.${cart.hostname}`),
      '400 BAD_REQUEST',
    ],
    ['a server name of a pod address', state, passthrough('outbound_.8080_._.10.0.0.3'), '404 NOT_A_SERVICE'],
    ['a server name of localhost', state, passthrough('outbound_.80_._.localhost'), '404 NOT_A_SERVICE'],
    [
      'a server name of what is not exported',
      state,
      passthrough('outbound_.80_._.orders.shop.svc.cluster.local'),
      '404 NOT_EXPORTED',
    ],
    [
      'a server name of another port',
      state,
      passthrough(`outbound_.81_._.${cart.hostname}`),
      '404 NOT_EXPORTED',
    ],
    [
      'a server name of another network',
      state,
      passthrough('outbound_.80_._.elsewhere.shop.svc.cluster.local'),
      '503 OTHER_NETWORK',
    ],
  ];
  for (const [name, among, request, expected] of cases)
    it(name, () => {
      const decision = decide(among, request);
      assert.equal(decisionText(decision), expected);
      assert.ok(decision.kind === 'refuse' && decision.message.length > 10);
    });

  it('whatever is asked, it forwards only to healthy pods of its own network that back what is exported', () => {
    const hosts = fc.oneof(
      fc.constantFrom(
        cart.hostname,
        orders.hostname,
        elsewhere.hostname,
        '10.0.0.2',
        'localhost',
        '[::1]',
        '',
      ),
      fc.string({ maxLength: 30 }),
    );
    const clusters = fc.constantFrom('east', 'west', 'west', 'south', '');
    const targets = fc.option(
      fc.oneof(
        fc
          .tuple(clusters, fc.constantFrom('', 'region-a', 'region-b'), fc.constantFrom('', 'a1', 'b1'))
          .map((parts) => parts.join('/')),
        fc.string(),
      ),
      { nil: undefined },
    );
    const ports = fc.constantFrom(':80', ':80', ':80', ':8080', ':15008', '', ':0', ':x');
    const requests: fc.Arbitrary<GatewayRequest> = fc.oneof(
      fc.tuple(hosts, ports, clusters, targets).map(([host, port, cluster, target]) => ({
        network,
        cluster: 'east',
        authority: `${host}${port}`,
        peer: { cluster },
        target,
      })),
      fc
        .oneof(
          hosts.map((host) => `outbound_.80_._.${host}`),
          fc.string(),
        )
        .map((name) => passthrough(name)),
    );
    const sickTwin = aWorkload({ ...ambient, uid: 'sick', addresses: ['10.0.0.8'], status: 'UNHEALTHY' });
    const abroad = { ...ambient, uid: 'abroad', addresses: ['20.0.0.8'], network: 'network-west' };
    const world = stateOf([...state.workloads.all(), sickTwin, abroad], [...state.services.all()]);
    const forwarded = { connect: 0, passthrough: 0 };
    fc.assert(
      fc.property(requests, fc.nat(), (request, seed) => {
        const decision = decide(world, request, seed);
        if (decision.kind === 'refuse') return;
        assert.equal(decision.service, exported);
        forwarded['authority' in request ? 'connect' : 'passthrough']++;
        if ('authority' in request) assert.equal(request.peer?.cluster, 'west');
        for (const { workload, address, port } of decision.candidates) {
          assert.ok([ambient, sidecar].includes(workload) && workload.addresses[0] === address);
          assert.equal(port, 'authority' in request ? 15008 : 9090);
        }
      }),
      // Few of them are forwarded: with fewer runs it would now and then be none.
      { numRuns: 10_000 },
    );
    assert.ok(forwarded.connect > 0 && forwarded.passthrough > 0, JSON.stringify(forwarded));
  });
});
