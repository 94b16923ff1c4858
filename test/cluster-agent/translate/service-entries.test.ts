import assert from 'node:assert/strict';
import { decodeAddress, encodeService, encodeWorkload } from '@isthmus/api/wire/address.ts';
import { parseServiceKey, serviceKeyAt } from '@isthmus/cluster-agent/keys/names.ts';
import { clusterConditions } from '@isthmus/cluster-agent/translate/conditions.ts';
import { decideOutbound } from '@isthmus/mesh/decide/outbound.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { seededRandom } from '../../fakes/random.ts';
import { aRemote, inputOf, pipelineOf, remotes } from '../../fakes/cluster.ts';

const entry = (name: string, spec: string, metadata = '') => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: shop${metadata} }
spec: { ports: [{ number: 443, name: tls, targetPort: 8443 }], ${spec} }
`;
const host = 'hosts: [api.example.com]';
const pod = `
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop, labels: { app: api } }
spec: { nodeName: n, containers: [{}] }
status: { podIP: 10.0.0.1, conditions: [{ type: Ready, status: 'True' }] }
`;
const machine = `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: machine, namespace: shop }
spec: { address: 10.20.0.5, labels: { app: api }, ports: { tls: 9443 } }
`;
const api = serviceKeyAt('shop', 'api.example.com');
const selecting = `${host}, resolution: STATIC, workloadSelector: { labels: { app: api } }`;

/** As in Kubernetes, where all proxies have the addresses of services alike. */
function inKubernetes(text: string) {
  return pipelineOf({ ...inputOf(text), shared: { reserved: () => [] } }).outputs;
}

const ofSnapshot = (text: string) => inKubernetes(text).snapshot;
const behind = (text: string, key = api) =>
  [...ofSnapshot(text).workloads.values()]
    .filter(({ services }) => services.has(key))
    .map(
      ({ uid, addresses, hostname, services }) =>
        `${uid} ${addresses.join() || hostname}:${services.get(key)?.[0]?.targetPort}`,
    )
    .sort();

describe('a host of a ServiceEntry', () => {
  it('is a service at the addresses of the entry, in the cluster’s network, which a Service comes before', () => {
    const network = `
---
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: network-east } }
`;
    const { services } = ofSnapshot(
      network +
        entry('api', `${host}, resolution: STATIC, addresses: [240.1.0.1, 240.2.0.0/24], exportTo: ['.']`),
    );
    assert.deepEqual(services.get(api), {
      key: api,
      name: 'api',
      namespace: 'shop',
      hostname: 'api.example.com',
      ports: [{ servicePort: 443, targetPort: 8443 }],
      addresses: [
        { network: 'network-east', address: '240.1.0.1', prefix: undefined },
        { network: 'network-east', address: '240.2.0.0', prefix: 24 },
      ],
      subjectAltNames: [],
      waypoint: undefined,
      routingPreference: [],
      mode: 'UNSPECIFIED',
      healthPolicy: 'ONLY_HEALTHY',
      canonical: false,
      visibility: 'NAMESPACE',
      ipFamilies: 'AUTOMATIC',
      exported: false,
      grantedClusters: [],
      leftClusters: [],
      inClusterset: false,
    });
  });

  it('is served by the endpoints of the entry', () =>
    assert.deepEqual(
      behind(
        entry(
          'api',
          `${host}, resolution: STATIC, endpoints: [{ address: 192.0.2.1 }, { address: 192.0.2.2, ports: { tls: 1443 } }]`,
        ),
      ),
      [
        'east/networking.istio.io/ServiceEntry/shop/api/192.0.2.1 192.0.2.1:8443',
        'east/networking.istio.io/ServiceEntry/shop/api/192.0.2.2 192.0.2.2:1443',
      ],
    ));

  it('is served by the pods and the WorkloadEntries that the entry selects', () =>
    assert.deepEqual(behind(pod + machine + entry('api', selecting)), [
      'east//Pod/shop/p 10.0.0.1:8443',
      'east/networking.istio.io/WorkloadEntry/shop/machine 10.20.0.5:9443',
    ]));

  it('that is resolved is its own endpoint, unless endpoints are named', () => {
    assert.deepEqual(behind(entry('api', `${host}, resolution: DNS`)), [
      'east/networking.istio.io/ServiceEntry/shop/api/api.example.com api.example.com:8443',
    ]);
    const named = `${host}, resolution: DNS, endpoints: [{ address: eu.example.com }]`;
    assert.deepEqual(behind(entry('api', named)), [
      'east/networking.istio.io/ServiceEntry/shop/api/eu.example.com eu.example.com:8443',
    ]);
  });

  it('without a resolution is passed through, whatever is healthy', () => {
    const service = ofSnapshot(entry('api', `${host}, addresses: [240.1.0.1]`)).services.get(api);
    assert.deepEqual([service?.mode, service?.healthPolicy], ['PASSTHROUGH', 'ALLOW_ALL']);
  });

  it('prefers what is near as the annotation of the entry says', () => {
    const near = ', annotations: { networking.istio.io/traffic-distribution: PreferClose }';
    const service = ofSnapshot(entry('api', `${host}, resolution: STATIC`, near)).services.get(api);
    assert.deepEqual(
      [service?.mode, service?.routingPreference],
      ['FAILOVER', ['NETWORK', 'REGION', 'ZONE']],
    );
  });

  it('has no addresses of the entry where each proxy has its own', () => {
    const { derived } = inputOf(entry('api', `${host}, resolution: STATIC, addresses: [240.1.0.1]`));
    assert.deepEqual(derived.snapshot.services.get(api)?.addresses, []);
  });

  it('is no service for an entry that nobody sees', () =>
    assert.equal(ofSnapshot(entry('api', `${host}, exportTo: ['~']`)).services.size, 0));
});

describe('a host that several say something of', () => {
  const cart = serviceKeyAt('shop', 'cart.shop.svc.cluster.local');
  const service = (spec: string) => `
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ${spec}ports: [{ port: 80 }] }
`;
  const ofCart =
    'hosts: [cart.shop.svc.cluster.local, api.example.com], resolution: STATIC, endpoints: [{ address: 192.0.2.1 }]';
  const conditions = (text: string) =>
    clusterConditions(inputOf(text), 0)
      .filter(({ reason }) => reason === 'ENTRY_HOST_TAKEN')
      .map(({ object, message }) => `${object}: ${message}`);

  it('is the Service of its name, and the entry is reported with its other hosts in force', () => {
    const text = service('') + entry('e', ofCart);
    assert.equal(ofSnapshot(text).services.get(cart)?.canonical, true);
    assert.deepEqual(behind(text, cart), []);
    assert.equal(behind(text).length, 1);
    assert.deepEqual(conditions(text), [
      'ServiceEntry shop/e: the ServiceEntry shop/e is not applied for shop/cart.shop.svc.cluster.local: a Service of this name says what serves it',
    ]);
  });

  it('is the entry where the Service is an ExternalName, and counts for no health of a service', () => {
    const text = service('type: ExternalName, externalName: cart.example.com, ') + entry('e', ofCart);
    assert.equal(behind(text, cart).length, 1);
    assert.deepEqual(inputOf(text).derived.health(), []);
    assert.deepEqual(conditions(text), []);
  });

  it('is the older of two entries of a namespace, and the newer one is reported', () => {
    const since = (year: number) => `, creationTimestamp: '${year}-01-01T00:00:00Z'`;
    const text =
      entry('a', `${host}, resolution: STATIC, endpoints: [{ address: 192.0.2.1 }]`, since(2026)) +
      entry('b', `${host}, resolution: STATIC, endpoints: [{ address: 192.0.2.2 }]`, since(2025));
    assert.deepEqual(behind(text), ['east/networking.istio.io/ServiceEntry/shop/b/192.0.2.2 192.0.2.2:8443']);
    assert.deepEqual(conditions(text), [
      'ServiceEntry shop/a: the ServiceEntry shop/a is not applied for shop/api.example.com: the older ServiceEntry shop/b says what serves it',
    ]);
  });

  it('is the entry and not the service of that name in another cluster: local stays local', () => {
    const hub = { remotes: remotes(aRemote({ name: 'cart' })) };
    const { derived } = inputOf(entry('e', ofCart), hub);
    assert.equal(derived.snapshot.services.get(cart)?.canonical, false);
    assert.ok([...derived.snapshot.workloads.keys()].every((uid) => !uid.includes('SplitHorizon')));
    const elsewhere = inputOf('', hub).derived;
    assert.equal(elsewhere.snapshot.services.get(cart)?.canonical, true);
  });
});

describe('a proxy that knows the hosts of ServiceEntries', () => {
  function decide(text: string, address: string, port = 443) {
    const { workloads, services } = ofSnapshot(pod + text);
    const state = new MeshState();
    state.applyAddresses(
      [
        ...Array.from(workloads.values(), (workload) => ({ kind: 'workload' as const, workload })),
        ...Array.from(services.values(), (one) => ({ kind: 'service' as const, service: one })),
      ],
      [],
    );
    const source = workloads.get('east//Pod/shop/p');
    const target = { kind: 'address' as const, address, port };
    return decideOutbound(state, { source, network: '', target }, seededRandom(1));
  }

  it('dials a static endpoint in plaintext', () => {
    const found = decide(
      entry(
        'api',
        `${host}, resolution: STATIC, addresses: [240.1.0.1], endpoints: [{ address: 192.0.2.1 }]`,
      ),
      '240.1.0.1',
    );
    assert.ok(found.kind === 'routes');
    const [route] = found.routes;
    assert.deepEqual(
      [route?.kind, route && 'address' in route && route.address, route && 'port' in route && route.port],
      ['plaintext', '192.0.2.1', 8443],
    );
  });

  it('passes through what the client dials in a block of an entry without a resolution', () =>
    assert.deepEqual(decide(entry('api', `${host}, addresses: [240.2.0.0/24]`), '240.2.0.7'), {
      kind: 'passthrough',
      address: '240.2.0.7',
      port: 443,
    }));

  it('refuses an endpoint that would have to be resolved', () => {
    const found = decide(entry('api', `${host}, resolution: DNS, addresses: [240.1.0.1]`), '240.1.0.1');
    assert.ok(found.kind === 'refuse');
    assert.equal(found.code, 'NO_HEALTHY_UPSTREAM');
  });

  it('has names for them that are keys of services', () => {
    for (const key of ofSnapshot(
      entry('api', 'hosts: ["*.example.com"], addresses: [240.1.0.1]'),
    ).services.keys())
      assert.ok(parseServiceKey(key).ok, key);
  });
});

describe('what ServiceEntries and WorkloadEntries become', () => {
  it('is read by a proxy as it was written, at the greatest weight and with every form of an address too', () => {
    const text =
      entry(
        'api',
        `${host}, resolution: STATIC, addresses: [240.1.0.1, "fd00::/64"], endpoints: [{ address: 192.0.2.1, weight: 1000000 }]`,
      ) +
      entry('dns', 'hosts: [dns.example.com], resolution: DNS, exportTo: [.]') +
      entry(
        'any',
        'hosts: ["*.example.com"], addresses: [240.2.0.0/24], subjectAltNames: ["spiffe://td/ns/a/sa/b"]',
      ) +
      machine;
    const { services, workloads } = ofSnapshot(text);
    assert.deepEqual([services.size, workloads.size], [3, 3]);
    for (const service of services.values())
      assert.deepEqual(decodeAddress(encodeService(service)), {
        ok: true,
        value: { kind: 'service', service },
      });
    for (const workload of workloads.values())
      assert.deepEqual(decodeAddress(encodeWorkload(workload)), {
        ok: true,
        value: { kind: 'workload', workload },
      });
  });
});
