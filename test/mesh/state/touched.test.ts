import assert from 'node:assert/strict';
import { MeshState, type Address } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { anAuthorization, aService, aWorkload } from '../../fakes/records.ts';

const cart = aService({ name: 'cart', exported: true });
const mapping = [{ servicePort: 80, targetPort: 8080 }];
const pod = aWorkload({
  uid: 'east//Pod/shop/cart',
  addresses: ['10.0.0.1'],
  services: new Map([[cart.key, mapping]]),
  authorizationPolicies: ['shop/p'],
});
const asWorkload = (workload: Workload): Address => ({ kind: 'workload', workload });
const asService = (service: Service): Address => ({ kind: 'service', service });

/** What is not empty, as lists. */
const shown = (touched: Touched) =>
  Object.fromEntries(
    Object.entries(touched as unknown as Record<string, ReadonlySet<string>>)
      .filter(([, keys]) => keys.size > 0)
      .map(([kind, keys]) => [kind, [...keys].sort()]),
  );

describe('what a batch of addresses touches', () => {
  const state = () => {
    const made = new MeshState();
    made.applyAddresses([asWorkload(pod), asService(cart)], []);
    return made;
  };
  const nodes = [pod.node];
  const uid = [pod.uid];
  const changed = (over: Partial<Workload>) =>
    shown(state().applyAddresses([asWorkload({ ...pod, ...over })], []));

  it('is nothing but its node for a workload that is judged alike', () => {
    for (const over of [{ status: 'UNHEALTHY' }, { capacity: 7 }, { appAddress: '127.0.0.9' }] as const)
      assert.deepEqual(changed(over), { nodes });
    assert.deepEqual(changed({}), { nodes });
  });

  it('is a workload of which a verdict reads something else', () => {
    const cases: readonly Partial<Workload>[] = [
      { strict: true },
      { namespace: 'bank' },
      { authorizationPolicies: [] },
      { services: new Map([[cart.key, [{ servicePort: 80, targetPort: 9 }]]]) },
    ];
    for (const over of cases) assert.deepEqual(changed(over), { nodes, workloads: uid });
  });

  it('is every address whose bearer plaintext is judged by', () => {
    assert.deepEqual(changed({ hostNetwork: true }), { nodes, sources: ['10.0.0.1'] });
    assert.deepEqual(changed({ eastWestGateway: true }), { nodes, sources: ['10.0.0.1'] });
    assert.deepEqual(changed({ network: 'n2' }), { nodes, workloads: uid, sources: ['10.0.0.1'] });
    assert.deepEqual(changed({ addresses: ['10.0.0.1', '10.0.0.2'] }), { nodes, sources: ['10.0.0.2'] });
    assert.deepEqual(changed({ addresses: [] }), { nodes, sources: ['10.0.0.1'] });
  });

  it('is both nodes of a workload that moves', () =>
    assert.deepEqual(changed({ node: 'east-2' }), { nodes: ['east-1', 'east-2'] }));

  it('is the namespace of a service that is backed no longer, or again', () => {
    const all = state();
    const backed = { nodes, workloads: uid, exports: ['shop'] };
    const idle = { ...pod, services: new Map() };
    assert.deepEqual(shown(all.applyAddresses([asWorkload(idle)], [])), backed);
    assert.deepEqual(shown(all.applyAddresses([asWorkload(pod)], [])), backed);
    const other = { ...pod, uid: 'other', addresses: [] };
    assert.deepEqual(shown(all.applyAddresses([asWorkload(other)], [])), { nodes, workloads: ['other'] });
    assert.deepEqual(shown(all.applyAddresses([asWorkload(idle)], [])), { nodes, workloads: uid });
    assert.deepEqual(changed({ cluster: 'west' }), backed);
  });

  it('is what a service says that differs', () => {
    const of = (over: Partial<Service>) =>
      shown(state().applyAddresses([asService({ ...cart, ...over })], []));
    const [key, exports] = [[cart.key], ['shop']];
    assert.deepEqual(of({ subjectAltNames: ['x'] }), {});
    assert.deepEqual(of({ leftClusters: ['west'] }), { left: key });
    assert.deepEqual(of({ exported: false }), { granted: key, exports });
    assert.deepEqual(of({ grantedClusters: ['west'] }), { granted: key, exports });
    assert.deepEqual(of({ ports: [] }), { granted: key, exports, virtual: key });
    const address = { network: 'n', address: '10.1.0.1', prefix: undefined };
    assert.deepEqual(of({ addresses: [address] }), { virtual: key });
    assert.deepEqual(shown(state().applyAddresses([], [cart.key])), { granted: key, exports, virtual: key });
  });

  it('is nothing for a name that does not exist', () =>
    assert.deepEqual(shown(state().applyAddresses([], ['nobody'])), {}));
});

describe('what a batch of policies touches', () => {
  it('is the key, as any policy may be named, and the scope of one that applies unnamed', () => {
    const all = new MeshState();
    const policy = anAuthorization({ name: 'p' });
    const put = (over: object) => shown(all.applyAuthorizations([{ ...policy, ...over }], []));
    assert.deepEqual(put({}), { policies: ['shop/p'] });
    assert.deepEqual(put({ scope: 'NAMESPACE' }), { policies: ['shop/p'], scopes: ['shop'] });
    assert.deepEqual(put({ scope: 'GLOBAL' }), { policies: ['shop/p'], scopes: ['', 'shop'] });
    assert.deepEqual(shown(all.applyAuthorizations([], ['shop/p'])), { policies: ['shop/p'], scopes: [''] });
    assert.deepEqual(shown(all.applyAuthorizations([], ['shop/p'])), {});
  });

  it('is nothing for one that is removed and named, as it stays in force', () => {
    const all = new MeshState();
    all.applyAddresses([asWorkload(pod)], []);
    all.applyAuthorizations([anAuthorization({ name: 'p' })], []);
    assert.deepEqual(shown(all.applyAuthorizations([], ['shop/p'])), {});
  });

  it('is the key of a stand-in, unless an earlier version was read', () => {
    const all = new MeshState();
    const standIn = { key: 'shop/p', policy: anAuthorization({ name: 'p' }) };
    assert.deepEqual(shown(all.applyAuthorizations([], [], [standIn])), { policies: ['shop/p'] });
    all.applyAuthorizations([anAuthorization({ name: 'p' })], []);
    assert.deepEqual(shown(all.applyAuthorizations([], [], [standIn])), {});
  });
});
