import { namesIn } from '@isthmus/mesh/identity/expected-names.ts';
import assert from 'node:assert/strict';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import type { Audience } from '@isthmus/cluster-agent/publish/forms.ts';
import { routeTo } from '@isthmus/mesh/decide/route-to.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { aRemote, inputOf, remotes, translate } from '../../fakes/cluster.ts';
import { seededRandom } from '../../fakes/random.ts';

const pod = (name: string, ip: string, account: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: ${name.replace(/-.*/, '')} } }
spec: { nodeName: a, serviceAccountName: ${account}, containers: [{ name: c, ports: [{ containerPort: 80 }] }] }
status: { podIP: ${ip}, conditions: [{ type: Ready, status: 'True' }] }
---`;
const manifests = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---${pod('front', '10.0.0.1', 'front')}${pod('cart-1', '10.0.0.2', 'cart')}${pod('cart-2', '10.0.0.3', 'cart-canary')}
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ port: 80 }] }
`;
const id = (account: string) => `spiffe://cluster.local/ns/shop/sa/${account}`;
const group = { region: 'r', zone: 'z', transport: 'hbone' as const, total: 1, healthy: 1 };
const ports = [{ name: '', port: 80, targetPort: 80, appProtocol: '' }];
const west = aRemote({
  name: 'cart',
  cluster: 'west',
  ports,
  subjectAltNames: [id('cart-of-west')],
  groups: [group],
});
const south = aRemote({
  name: 'cart',
  cluster: 'south',
  ports,
  subjectAltNames: [id('cart-of-south')],
  groups: [group],
  gateways: west.gateways.map((one) => ({ ...one, network: 'network-south', address: '127.7.48.5' })),
});

/** What an audience gets of the cluster, with its service cart. */
function sentTo(audience: Audience, ...elsewhere: readonly (typeof west)[]) {
  const snapshot = translate(inputOf(manifests, { remotes: remotes(...elsewhere) }));
  const records = [
    ...(new AudienceRecords(audience, snapshot).projection.get(typeUrls.address) ?? new Map()).values(),
  ];
  const services = records.filter((one): one is Service => !('uid' in one));
  const workloads = records.filter((one): one is Workload => 'uid' in one);
  const state = new MeshState();
  state.applyAddresses(
    [
      ...services.map((service) => ({ kind: 'service' as const, service })),
      ...workloads.map((workload) => ({ kind: 'workload' as const, workload })),
    ],
    [],
  );
  const [service] = services;
  assert.ok(service);
  return { state, service, workloads };
}

/** By endpoint, whom a proxy expects there when front calls cart. */
function expected(audience: Audience, ...elsewhere: readonly (typeof west)[]) {
  const { state, service, workloads } = sentTo(audience, ...elsewhere);
  const source = workloads.find(({ name }) => name === 'front');
  assert.ok(source);
  const endpoints = workloads.filter(({ services }) => services.has(service.key));
  return Object.fromEntries(
    endpoints.map((workload) => {
      const wanted = { kind: 'service' as const, service, servicePort: 80, targetPort: 80 };
      const route = routeTo(
        state,
        source,
        workload,
        { ...wanted, address: workload.addresses[0] },
        seededRandom(1),
      );
      assert.ok(route.ok && 'expect' in route.value, workload.uid);
      return [workload.name, namesIn(route.value.expect)];
    }),
  );
}

describe('whom a proxy expects at an endpoint', () => {
  it('a service with local endpoints alone: each workload’s own identity, as nothing is listed', () => {
    for (const audience of ['mesh', 'gateway', 'upstream'] as const)
      assert.deepEqual(sentTo(audience).service.subjectAltNames, []);
    assert.deepEqual(expected('mesh'), { 'cart-1': [id('cart')], 'cart-2': [id('cart-canary')] });
  });

  it('local and remote endpoints: a workload’s own identity here, and at each gateway whom that cluster exports', () => {
    assert.deepEqual(expected('mesh', west, south), {
      'cart-1': [id('cart')],
      'cart-2': [id('cart-canary')],
      'cart-west': [id('cart-of-west')],
      'cart-south': [id('cart-of-south')],
    });
  });

  it('Istio’s own proxies have the identities of remote exports in the service’s list, and no local ones', () => {
    assert.deepEqual(sentTo('upstream', west, south).service.subjectAltNames, [
      id('cart-of-south'),
      id('cart-of-west'),
    ]);
  });

  it('is the same record as long as nothing of the service changes', () => {
    const snapshot = translate(inputOf(manifests, { remotes: remotes(west) }));
    const [one, two] = [1, 2].map(() => [
      ...(new AudienceRecords('mesh', snapshot).projection.get(typeUrls.address)?.values() ?? []),
    ]);
    one?.forEach((record, i) => assert.equal(record, two?.[i]));
  });
});
