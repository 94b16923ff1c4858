import assert from 'node:assert/strict';
import { WorkloadStore } from '@isthmus/mesh/state/workloads.ts';
import { aWorkload } from '../../fakes/records.ts';

const uid = 'east//Pod/shop/cart';
const key = 'shop/cart.shop.svc.cluster.local';
const before = aWorkload({
  uid,
  addresses: ['10.0.0.1'],
  node: 'east-1',
  hostname: 'cart.example',
  services: new Map([[key, []]]),
  authorizationPolicies: ['shop/deny'],
});

const insertTwice = (over: Partial<typeof before>) => {
  const store = new WorkloadStore();
  store.insert(before);
  const after = { ...before, ...over };
  assert.equal(store.insert(after), before, 'what was replaced is given back');
  assert.equal(store.get(uid), after);
  assert.equal(store.size, 1);
  return { store, after };
};

describe('workload store: inserted again', () => {
  it('with another address leaves the old one', () => {
    const { store, after } = insertTwice({ addresses: ['10.0.0.2'] });
    assert.equal(store.atAddress('network-east', '10.0.0.1'), undefined);
    assert.equal(store.atAddress('network-east', '10.0.0.2'), after);
  });

  it('in another network leaves the old one', () => {
    const { store, after } = insertTwice({ network: 'network-west' });
    assert.equal(store.atAddress('network-east', '10.0.0.1'), undefined);
    assert.equal(store.atAddress('network-west', '10.0.0.1'), after);
  });

  it('as host network is no longer found by address', () => {
    const { store, after } = insertTwice({ hostNetwork: true });
    assert.equal(store.atAddress('network-east', '10.0.0.1'), undefined);
    assert.deepEqual(store.ofService(key), [after]);
  });

  it('in another network or cluster leaves its service unbacked there', () => {
    const { store } = insertTwice({ network: 'network-west', cluster: 'west' });
    const at = (where: { readonly network?: string; readonly cluster?: string }) =>
      store.isBacked(key, where);
    assert.deepEqual([at({}), at({ cluster: 'west' }), at({ network: 'network-west' })], [true, true, true]);
    assert.deepEqual([at({ cluster: 'east' }), at({ network: 'network-east' })], [false, false]);
    assert.equal(at({ cluster: 'west', network: 'network-west' }), true);
    assert.equal(at({ cluster: 'west', network: 'network-east' }), false);
    store.remove(uid);
    assert.equal(at({}), false);
  });

  it('leaves its service backed by another member of the same cluster', () => {
    const store = new WorkloadStore();
    store.insert(before);
    store.insert({ ...before, uid: 'east//Pod/shop/cart-2', status: 'UNHEALTHY' });
    store.remove(uid);
    assert.equal(store.isBacked(key, { cluster: 'east' }), true);
  });

  it('in another service leaves the old one', () => {
    const { store, after } = insertTwice({ services: new Map([['shop/other', []]]) });
    assert.deepEqual(store.ofService(key), []);
    assert.deepEqual(store.ofService('shop/other'), [after]);
  });

  it('lists an endpoint once when it is replaced in the same service', () => {
    const { store, after } = insertTwice({ capacity: 7 });
    assert.deepEqual(store.ofService(key), [after]);
  });

  it('on another node leaves the old one', () => {
    const { store, after } = insertTwice({ node: 'east-2' });
    assert.deepEqual(store.onNode('east-1'), []);
    assert.deepEqual(store.onNode('east-2'), [after]);
  });

  it('with another host name or namespace leaves the old one', () => {
    const { store, after } = insertTwice({ hostname: 'new.example', namespace: 'other' });
    assert.equal(store.withHostname('shop', 'cart.example'), undefined);
    assert.equal(store.withHostname('other', 'new.example'), after);
  });

  it('with other policies is named by them alone', () => {
    const { store, after } = insertTwice({ authorizationPolicies: ['shop/allow'] });
    assert.deepEqual(store.naming('shop/deny'), []);
    assert.deepEqual(store.naming('shop/allow'), [after]);
  });

  it('removed, it is found by nothing', () => {
    const store = new WorkloadStore();
    store.insert(before);
    assert.equal(store.remove(uid), before);
    assert.equal(store.remove(uid), undefined);
    assert.equal(store.atAddress('network-east', '10.0.0.1'), undefined);
    assert.deepEqual([store.ofService(key), store.onNode('east-1'), store.naming('shop/deny')], [[], [], []]);
    assert.equal(store.withHostname('shop', 'cart.example'), undefined);
    assert.equal(store.size, 0);
  });
});

describe('workload store: several at one address', () => {
  const entry = aWorkload({
    uid: 'east/networking.istio.io/WorkloadEntry/shop/a',
    addresses: ['10.0.0.1'],
    transport: 'plaintext',
  });
  const hboneEntry = {
    ...entry,
    uid: 'east/networking.istio.io/WorkloadEntry/shop/b',
    transport: 'hbone' as const,
  };
  const pod = { ...entry, uid: 'east//Pod/shop/a' };
  const hbonePod = { ...pod, uid: 'east//Pod/shop/b', transport: 'hbone' as const };

  const cases = [
    { name: 'a pod before what is none', among: [hboneEntry, pod], wins: pod },
    { name: 'of pods the one with HBONE', among: [pod, hbonePod], wins: hbonePod },
    { name: 'without a pod the one with HBONE', among: [entry, hboneEntry], wins: hboneEntry },
    { name: 'of equals the first by uid', among: [{ ...pod, uid: 'east//Pod/shop/z' }, pod], wins: pod },
  ];
  for (const { name, among, wins } of cases)
    it(`${name}, in whatever order they came`, () => {
      for (const order of [among, among.toReversed()]) {
        const store = new WorkloadStore();
        for (const one of order) store.insert(one);
        assert.equal(store.atAddress('network-east', '10.0.0.1'), wins);
        store.remove(wins.uid);
        assert.equal(
          store.atAddress('network-east', '10.0.0.1'),
          among.find((one) => one !== wins),
        );
      }
    });
});
