import assert from 'node:assert/strict';
import type { TrafficShift, RemoteService } from '@isthmus/api/domain/directive.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import { serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { aGateway, aRemote, inputOf, remotes, translate } from '../../fakes/cluster.ts';
import { inShop } from '../../fakes/services.ts';

const cluster = `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: network-east } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Node
metadata: { name: n, labels: { topology.kubernetes.io/region: region-a, topology.kubernetes.io/zone: a-1 } }
---
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop, labels: { app: p } }
spec: { nodeName: n, containers: [{}] }
status: { podIP: 10.0.0.1, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: p }, ports: [{ name: http, port: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: shop }
spec: { selector: { app: p }, ports: [{ name: http, port: 8081 }] }
`;
const cartKey = serviceKeyOf({ namespace: 'shop', name: 'cart' });
const group = (over: Partial<EndpointGroup> = {}): EndpointGroup => ({
  region: 'region-a',
  zone: 'a-3',
  transport: 'hbone',
  total: 2,
  healthy: 2,
  ...over,
});

const distributed = (...all: readonly RemoteService[]) => {
  const { derived } = inputOf(cluster, { remotes: remotes(...all) });
  return { derived, entries: [...(derived.distribution(cartKey)?.entries.values() ?? [])] };
};

describe('remote endpoints', () => {
  it('stand for no service that this cluster has and keeps to itself', () => {
    const keys = (grants: readonly string[]) => {
      const granted = new Map(
        grants.map((name) => [`shop/${name}`, { namespace: 'shop', name, clusters: ['west'] }]),
      );
      const input = inputOf(cluster, {
        remotes: remotes(aRemote({ name: 'cart' }), aRemote({ name: 'far' })),
        grants: granted,
      });
      const entries = [...translate(input).workloads.values()].filter((one) => one.networkGateway);
      return [...new Set(entries.flatMap(({ services }) => [...services.keys()]))].sort();
    };
    const farKey = 'shop/far.shop.svc.cluster.local';
    assert.deepEqual(keys(['cart']), [cartKey, farKey]);
    assert.deepEqual(keys([]), [farKey]);
  });

  it('have a name of the clusterset, and services here only where they are exported', () => {
    const named = (grants: readonly string[]) => {
      const granted = new Map(
        grants.map((name) => [`shop/${name}`, { namespace: 'shop', name, clusters: ['west'] }]),
      );
      const { services } = translate(
        inputOf(cluster, {
          remotes: remotes(aRemote({ name: 'cart' }), aRemote({ name: 'far' })),
          grants: granted,
        }),
      );
      const found = [...services.values()].filter(({ inClusterset }) => inClusterset);
      return found.map(({ name }) => name).sort();
    };
    assert.deepEqual(named([]), ['far']);
    assert.deepEqual(named(['cart']), ['cart', 'far']);
    assert.deepEqual(named(['orders']), ['far', 'orders']);
  });

  it('are left for good by what is still open once a whole drain’s deadline is over, where others take it', () => {
    const drain = { id: 'd', cluster: 'west', percent: 100, services: [], remoteOnly: false };
    const leftAt = (now: number, over: Partial<TrafficShift> = {}) => {
      const trafficShifts = new Map([['d', { ...drain, deadline: 1000, ...over }]]);
      const input = inputOf(cluster, {
        remotes: remotes(aRemote({ name: 'cart' }), aRemote({ name: 'far' })),
        trafficShifts,
      });
      const { services } = translate({ ...input, now });
      return ['cart', 'far'].map((name) => services.get(`shop/${name}.shop.svc.cluster.local`)?.leftClusters);
    };
    assert.deepEqual(leftAt(999), [[], []]);
    assert.deepEqual(leftAt(1000), [['west'], []], 'what exists only there stays');
    assert.deepEqual(leftAt(1000, { percent: 99 }), [[], []]);
    assert.deepEqual(leftAt(1000, { deadline: undefined }), [[], []]);
    assert.deepEqual(leftAt(1000, { cluster: 'east' }), [['east'], ['east']]);
    assert.deepEqual(leftAt(1000, { cluster: 'east', remoteOnly: true }), [[], []], 'its own clients stay');
  });

  it('weigh as many local ones as are healthy behind them, in every service of a pod', () => {
    const trafficShifts = new Map([
      [
        'd',
        {
          id: 'd',
          cluster: 'east',
          percent: 50,
          services: [inShop('cart')],
          remoteOnly: false,
          deadline: undefined,
        },
      ],
    ]);
    const input = inputOf(cluster, {
      remotes: remotes(aRemote({ name: 'cart' }), aRemote({ name: 'orders' })),
      trafficShifts,
    });
    const { workloads } = translate(input);
    const capacityOf = (name: string) =>
      [...workloads.values()].find((one) => one.uid.includes(`SplitHorizon`) && one.uid.includes(name))
        ?.capacity;
    assert.equal(workloads.get('east//Pod/shop/p')?.capacity, 1000);
    assert.equal(capacityOf('orders.shop'), 2000, 'two healthy ones, each like the local one');
    assert.equal(capacityOf('cart.shop'), 5000, 'half of the third at home has moved: 1 to 5');
  });

  const entries: Record<
    string,
    [Parameters<typeof aGateway>[0], readonly EndpointGroup[], readonly string[]]
  > = {
    'one a transport': [{}, [group(), group({ transport: 'istio-mtls' })], ['hbone', 'istio-mtls']],
    'none of HBONE where the gateway has no port for it': [
      { hbonePort: 0 },
      [group(), group({ transport: 'istio-mtls' })],
      ['istio-mtls'],
    ],
    'none of Istio mTLS where the gateway has no port for it': [
      { passthroughPort: 0 },
      [group(), group({ transport: 'istio-mtls' })],
      ['hbone'],
    ],
    'none where the gateway is not ready': [{ ready: false }, [group()], []],
    'none where nothing is healthy': [{}, [group({ healthy: 0 })], []],
    'none of plaintext, which crosses no network': [{}, [group({ transport: 'plaintext' })], []],
  };
  for (const [name, [gateway, groups, transports]] of Object.entries(entries))
    it(`have entries: ${name}`, () => {
      const found = distributed(aRemote({ name: 'cart', groups, gateways: [aGateway(gateway)] }));
      assert.deepEqual(
        found.entries.map(({ transport }) => transport),
        transports,
      );
    });

  it('are divided among the gateways of their cluster', () => {
    const gateways = [aGateway(), aGateway({ address: '127.7.32.6' }), aGateway({ ready: false })];
    const found = distributed(aRemote({ name: 'cart', gateways }));
    assert.deepEqual(
      found.entries.map(({ capacity, networkGateway }) => [
        networkGateway?.kind === 'address' && networkGateway.address,
        capacity,
      ]),
      [
        ['127.7.32.5', 1000],
        ['127.7.32.6', 1000],
      ],
    );
  });

  it('have their gateways as workloads, but for those of this network and those without HBONE', () => {
    const gateways = [
      aGateway(),
      aGateway({ address: '127.7.32.6', hbonePort: 0 }),
      aGateway({ address: '127.7.16.5', network: 'network-east' }),
      aGateway({ address: '127.7.32.7', spiffeId: 'nobody' }),
    ];
    const { derived } = distributed(aRemote({ name: 'cart', gateways }));
    assert.deepEqual(
      [...derived.snapshot.workloads.keys()].filter((uid) => uid.startsWith('NetworkGateway/')),
      ['NetworkGateway/network-west/127.7.32.5/15008'],
    );
  });

  it('of foreign regions are only those of the first in the list that is healthy', () => {
    const traffic = new Map([
      [
        'shop/cart',
        {
          kind: 'trafficPolicy' as const,
          namespace: 'shop',
          name: 'cart',
          localityOrder: ['REGION' as const],
          regionFailover: [
            { from: 'region-a', to: 'region-b' },
            { from: 'region-a', to: 'region-c' },
          ],
        },
      ],
    ]);
    const groups = ['region-a', 'region-c', 'region-d'].map((region) => group({ region }));
    const input = inputOf(cluster, { traffic, remotes: remotes(aRemote({ name: 'cart', groups })) });
    assert.deepEqual(
      [...(input.derived.distribution(cartKey)?.entries.values() ?? [])].map((one) => one.locality.region),
      ['region-a', 'region-c'],
    );
  });
});

describe('endpoints of a service here', () => {
  it('are counted by place, transport and health, pods and written ones', () => {
    const text = `${cluster}---
apiVersion: v1
kind: Service
metadata: { name: legacy, namespace: shop }
spec: { ports: [{ name: db, port: 5432 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: legacy-1, namespace: shop, labels: { kubernetes.io/service-name: legacy } }
ports: [{ name: db, port: 5432 }]
endpoints:
  - { addresses: [10.0.0.7], nodeName: n }
  - { addresses: [10.0.0.8, 10.0.0.9], zone: a-2, conditions: { ready: false } }
`;
    const input = inputOf(text);
    const groupsOf = (name: string) => input.derived.groups(serviceKeyOf({ namespace: 'shop', name }));
    const here = { region: 'region-a', zone: 'a-1' };
    assert.deepEqual(groupsOf('cart'), [{ ...here, transport: 'hbone', total: 1, healthy: 1 }]);
    assert.deepEqual(groupsOf('legacy'), [
      { region: '', zone: 'a-2', transport: 'plaintext', total: 2, healthy: 0 },
      { ...here, transport: 'plaintext', total: 1, healthy: 1 },
    ]);
    assert.deepEqual(groupsOf('none'), []);
  });
});
