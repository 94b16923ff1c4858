import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { MeshState, type Address } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { anAuthorization, aService, aWorkload } from '../../fakes/records.ts';

const network = 'network-east';
const pod = aWorkload({ uid: 'east//Pod/shop/cart', addresses: ['10.0.0.1'] });
const cart = aService({ name: 'cart', addresses: [{ network, address: '10.0.0.1', prefix: undefined }] });
const asWorkload = (workload: Workload): Address => ({ kind: 'workload', workload });
const asService = (service: Service): Address => ({ kind: 'service', service });

const stateOf = (...addresses: readonly Address[]) => {
  const state = new MeshState();
  state.applyAddresses(addresses, []);
  return state;
};

describe('mesh state', () => {
  it('at one address: who is there is the workload, where it leads is the service', () => {
    const state = stateOf(asWorkload(pod), asService(cart));
    assert.deepEqual(state.findAddress(network, '10.0.0.1', 'shop'), asWorkload(pod));
    assert.deepEqual(state.findUpstream(network, '10.0.0.1', 'shop'), asService(cart));
    assert.equal(state.findAddress('network-west', '10.0.0.1'), undefined);
    assert.equal(state.findUpstream('network-west', '10.0.0.1'), undefined);
  });

  it('without a service an address leads to the workload, without a workload it is the service', () => {
    assert.deepEqual(stateOf(asWorkload(pod)).findUpstream(network, '10.0.0.1'), asWorkload(pod));
    assert.deepEqual(stateOf(asService(cart)).findAddress(network, '10.0.0.1'), asService(cart));
  });

  it('a host name is a service before a workload, in its own namespace', () => {
    const named = { ...pod, hostname: cart.hostname };
    assert.deepEqual(
      stateOf(asWorkload(named), asService(cart)).findHostname('shop', cart.hostname),
      asService(cart),
    );
    assert.deepEqual(stateOf(asWorkload(named)).findHostname('shop', cart.hostname), asWorkload(named));
    assert.equal(stateOf(asWorkload(named), asService(cart)).findHostname('other', cart.hostname), undefined);
  });

  it('keeps endpoints for a service that has not come, and through its replacement and removal', () => {
    const member = { ...pod, services: new Map([[cart.key, []]]) };
    const state = stateOf(asWorkload(member));
    assert.deepEqual(state.stagedServices(), [cart.key]);
    state.applyAddresses([asService(cart)], []);
    assert.deepEqual([state.endpointsOf(cart), state.stagedServices()], [[member], []]);
    const replaced = { ...cart, exported: true };
    state.applyAddresses([asService(replaced)], []);
    assert.deepEqual(state.endpointsOf(replaced), [member]);
    state.applyAddresses([], [cart.key]);
    assert.deepEqual(state.stagedServices(), [cart.key]);
    state.applyAddresses([asService(cart)], []);
    assert.deepEqual(state.endpointsOf(cart), [member]);
  });

  it('an unhealthy member is an endpoint only where all are allowed', () => {
    const sick = { ...pod, status: 'UNHEALTHY' as const, services: new Map([[cart.key, []]]) };
    const state = stateOf(asWorkload(sick), asService(cart));
    assert.deepEqual(state.endpointsOf(cart), []);
    assert.deepEqual(state.endpointsOf({ ...cart, healthPolicy: 'ALLOW_ALL' }), [sick]);
  });

  it('a removed name is a uid first, then a service, then ignored', () => {
    const twin = { ...pod, uid: cart.key };
    const state = stateOf(asWorkload(twin), asService(cart));
    state.applyAddresses([], [cart.key]);
    assert.equal(state.workloads.get(cart.key), undefined);
    assert.equal(state.services.get(cart.key), cart);
    state.applyAddresses([], [cart.key, cart.key, 'a/b/c', '']);
    assert.equal(state.services.get(cart.key), undefined);
  });

  it('in one push what is new comes before what goes', () => {
    const state = stateOf(asWorkload(pod));
    state.applyAddresses([asWorkload({ ...pod, capacity: 5 })], [pod.uid]);
    assert.equal(state.workloads.size, 0);
  });

  it('knows a node by name, and by cluster where names of nodes meet', () => {
    const foreign = { ...pod, uid: 'west//Pod/shop/cart', cluster: 'west' };
    const state = stateOf(asWorkload(pod), asWorkload(foreign));
    assert.deepEqual(state.localWorkloads('east-1'), [pod, foreign]);
    assert.deepEqual(state.localWorkloads('east-1', 'west'), [foreign]);
    assert.deepEqual(state.localWorkloads('east-2'), []);
  });
});

// Few names and few values, so that updates meet each other.
const few = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const uids = ['east//Pod/shop/a', 'east//Pod/shop/b', 'w/entry', 'shop/one'];
const keys = ['shop/one', 'shop/two', 'other/one'];
const addresses = ['10.0.0.1', '10.0.0.2'];
const networks = [network, 'network-west'];
const nodes = ['', 'east-1', 'east-2'];
const policyKeys = ['shop/p', 'shop/q', 'other/r'];
const hostnames = ['', 'one', 'two'];

const workloads = fc
  .record({
    uid: few(...uids),
    namespace: few('shop', 'other'),
    network: few(...networks),
    node: few(...nodes),
    addresses: fc.uniqueArray(few(...addresses)),
    hostNetwork: fc.boolean(),
    hostname: few(...hostnames),
    status: few('HEALTHY' as const, 'UNHEALTHY' as const),
    transport: few('hbone' as const, 'plaintext' as const),
    authorizationPolicies: fc.array(few(...policyKeys), { maxLength: 2 }),
    members: fc.uniqueArray(few(...keys)),
  })
  .map(({ members, ...over }) => aWorkload({ ...over, services: new Map(members.map((key) => [key, []])) }));
const services = fc
  .record({
    key: few(...keys),
    addresses: fc.array(
      fc.record({ network: few(...networks), address: few(...addresses), prefix: few(undefined, 8, 31) }),
      { maxLength: 2 },
    ),
    canonical: fc.boolean(),
    visibility: few('PUBLIC' as const, 'NAMESPACE' as const),
    healthPolicy: few('ONLY_HEALTHY' as const, 'ALLOW_ALL' as const),
  })
  .map(({ key, ...over }) => {
    const [namespace = '', hostname = ''] = key.split('/');
    return aService({ ...over, name: hostname, namespace, hostname });
  });
const policies = fc
  .record({
    key: few(...policyKeys),
    scope: few('GLOBAL' as const, 'NAMESPACE' as const, 'WORKLOAD_SELECTOR' as const),
  })
  .map(({ key, scope }) => anAuthorization({ name: key, key, namespace: key.split('/')[0]!, scope }));

type Push =
  | { readonly kind: 'addresses'; readonly upserts: readonly Address[]; readonly removed: readonly string[] }
  | {
      readonly kind: 'policies';
      readonly upserts: readonly Authorization[];
      readonly removed: readonly string[];
    };
const pushes: fc.Arbitrary<Push> = fc.oneof(
  fc.record({
    kind: fc.constant('addresses' as const),
    upserts: fc.array(fc.oneof(workloads.map(asWorkload), services.map(asService)), { maxLength: 4 }),
    removed: fc.array(few(...uids, ...keys, 'nobody'), { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant('policies' as const),
    upserts: fc.array(policies, { maxLength: 2 }),
    removed: fc.array(few(...policyKeys), { maxLength: 2 }),
  }),
);

/** What is there at the end, worked out with plain maps and no index. */
function plainly(history: readonly Push[]) {
  const all = {
    workloads: new Map<string, Workload>(),
    services: new Map<string, Service>(),
    policies: new Map<string, Authorization>(),
  };
  const retired = new Set<string>();
  const isNamed = (key: string) =>
    [...all.workloads.values()].some((one) => one.authorizationPolicies.includes(key));
  for (const push of history) {
    if (push.kind === 'addresses') {
      for (const one of push.upserts)
        if (one.kind === 'workload') all.workloads.set(one.workload.uid, one.workload);
        else all.services.set(one.service.key, one.service);
      for (const name of push.removed) if (!all.workloads.delete(name)) all.services.delete(name);
      for (const key of [...retired]) if (!isNamed(key) && retired.delete(key)) all.policies.delete(key);
    } else {
      for (const policy of push.upserts) {
        all.policies.set(policy.key, policy);
        retired.delete(policy.key);
      }
      for (const key of push.removed)
        if (all.policies.get(key)?.scope === 'WORKLOAD_SELECTOR' && isNamed(key)) retired.add(key);
        else all.policies.delete(key);
    }
  }
  return all;
}

/** Everything that can be asked of a state, as values that do not depend on the order in which things came. */
function answers(state: MeshState) {
  const names = (list: readonly Workload[]) => list.map(({ uid }) => uid).sort();
  const ask = <K, A>(of: readonly K[], answer: (one: K) => A) => of.map(answer);
  return {
    workloads: [...state.workloads.all()].sort((a, b) => (a.uid < b.uid ? -1 : 1)),
    services: [...state.services.all()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    policies: [...state.policies.all()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    addresses: networks.map((net) =>
      [...addresses, '10.0.0.3', '10.9.9.9'].map((address) =>
        ['shop', 'other', 'third'].map((from) => [
          state.findAddress(net, address, from),
          state.findUpstream(net, address, from),
        ]),
      ),
    ),
    members: ask(keys, (key) => names(state.workloads.ofService(key))),
    endpoints: [...state.services.all()].map((one) => [one.key, ...names(state.endpointsOf(one))]).sort(),
    staged: [...state.stagedServices()].sort(),
    nodes: ask(nodes, (node) => names(state.localWorkloads(node))),
    naming: ask(policyKeys, (key) => names(state.workloads.naming(key))),
    hostnames: ask(hostnames, (name) => [
      state.findHostname('shop', name),
      state.services.withHostname(name, 'other'),
    ]),
    allWithHostname: ask(hostnames, (name) =>
      state.services
        .allWithHostname(name)
        .map(({ key }) => key)
        .sort(),
    ),
    unnamed: ask(['', 'shop', 'other'], (name) =>
      state.policies
        .unnamed(name)
        .map(({ key }) => key)
        .sort(),
    ),
  };
}

describe('mesh state after any history', () => {
  it('answers as one that was built from what is left', () =>
    fc.assert(
      fc.property(fc.array(pushes, { maxLength: 25 }), (history) => {
        const state = new MeshState();
        for (const push of history) {
          if (push.kind === 'addresses') state.applyAddresses(push.upserts, push.removed);
          else state.applyAuthorizations(push.upserts, push.removed);
          // Asked between pushes, as connections do: what an answer leaves behind must not outlive a push.
          answers(state);
        }
        const left = plainly(history);
        const rebuilt = new MeshState();
        rebuilt.applyAuthorizations([...left.policies.values()], []);
        rebuilt.applyAddresses(
          [...[...left.services.values()].map(asService), ...[...left.workloads.values()].map(asWorkload)],
          [],
        );
        assert.deepEqual(answers(state), answers(rebuilt));
      }),
      { numRuns: 300 },
    ));
});
