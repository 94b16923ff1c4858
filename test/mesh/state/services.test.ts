import assert from 'node:assert/strict';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { ServiceStore } from '@isthmus/mesh/state/services.ts';
import { aService } from '../../fakes/records.ts';

const network = 'network-east';
const at = (address: string, prefix?: number) => ({ network, address, prefix });
const storeOf = (...services: readonly Service[]) => {
  const store = new ServiceStore();
  for (const service of services) store.insert(service);
  return store;
};

describe('service store: inserted again', () => {
  const before = aService({ name: 'cart', addresses: [at('10.1.0.1'), at('10.2.0.0', 16)] });

  it('with another VIP leaves the old one', () => {
    const store = storeOf(before);
    const after = { ...before, addresses: [at('10.1.0.2')] };
    assert.equal(store.insert(after), before);
    assert.equal(store.atAddress(network, '10.1.0.1', 'shop'), undefined);
    assert.equal(store.atAddress(network, '10.2.3.4', 'shop'), undefined, 'its block went too');
    assert.equal(store.atAddress(network, '10.1.0.2', 'shop'), after);
  });

  it('with the same VIPs is found again', () => {
    const after = { ...before, exported: true };
    const store = storeOf(before, after);
    assert.equal(store.atAddress(network, '10.1.0.1', 'shop'), after);
    assert.equal(store.atAddress(network, '10.2.3.4', 'shop'), after);
    assert.deepEqual(store.allWithHostname(before.hostname), [after]);
    assert.equal(store.size, 1);
  });

  it('is among the exported of its namespace as long as it is exported', () => {
    const exported = { ...before, exported: true };
    const store = storeOf(exported);
    assert.deepEqual([store.exportedIn('shop'), store.exportedIn('other')], [[exported], []]);
    store.insert(before);
    assert.deepEqual(store.exportedIn('shop'), []);
  });

  it('of another block keeps that of a neighbour', () => {
    const neighbour = aService({ name: 'orders', addresses: [at('10.2.5.0', 24)] });
    const store = storeOf(before, neighbour, { ...before, addresses: [] });
    assert.equal(store.atAddress(network, '10.2.5.1', 'shop'), neighbour);
    assert.equal(store.atAddress(network, '10.2.6.1', 'shop'), undefined);
  });

  it('removed, it is found by nothing', () => {
    const store = storeOf(before);
    assert.equal(store.remove(before.key), before);
    assert.equal(store.remove(before.key), undefined);
    assert.equal(store.atAddress(network, '10.1.0.1', 'shop'), undefined);
    assert.equal(store.atAddress(network, '10.2.0.1', 'shop'), undefined);
    assert.equal(store.withHostname(before.hostname, 'shop'), undefined);
  });
});

describe('service store: several at one VIP or name', () => {
  const hostname = 'api.example';
  const one = (namespace: string, over: Partial<Service> = {}) =>
    aService({ name: 'api', namespace, hostname, addresses: [at('10.1.0.1')], canonical: false, ...over });
  const [a, b, shop] = [one('a'), one('b'), one('shop')];
  const canonical = one('c', { canonical: true });
  const hidden = one('a', { visibility: 'NAMESPACE', canonical: true });

  const cases = [
    { name: "the client's namespace", among: [canonical, a, shop], wins: shop },
    { name: 'then a canonical one', among: [a, b, canonical], wins: canonical },
    { name: 'then the first by name', among: [b, a], wins: a },
    { name: 'never one that the client may not see', among: [hidden, b], wins: b },
    { name: 'none, if the client may see none', among: [hidden], wins: undefined },
  ];
  for (const { name, among, wins } of cases)
    it(`${name}, in whatever order they came`, () => {
      for (const order of [among, among.toReversed()]) {
        assert.equal(storeOf(...order).atAddress(network, '10.1.0.1', 'shop'), wins);
        assert.equal(storeOf(...order).withHostname(hostname, 'shop'), wins);
      }
    });

  it('one that is narrowed is seen from its own namespace', () =>
    assert.equal(storeOf(hidden).atAddress(network, '10.1.0.1', 'a'), hidden));

  it('a VIP is of one network', () =>
    assert.equal(storeOf(a).atAddress('network-west', '10.1.0.1', 'a'), undefined));
});

describe('service store: blocks', () => {
  const block = (name: string, prefix: number, over: Partial<Service> = {}) =>
    aService({ name, namespace: 'a', addresses: [at('10.1.0.0', prefix)], canonical: false, ...over });
  const exact = aService({ name: 'exact', namespace: 'b', addresses: [at('10.1.0.1')] });
  const [wide, narrow] = [block('wide', 8), block('narrow', 24)];
  const own = block('own', 8, { namespace: 'shop' });
  const kubernetes = block('zz', 24, { canonical: true });

  const cases = [
    { name: 'an exact address before every block', among: [own, exact], wins: exact },
    { name: "the client's namespace before a longer prefix", among: [narrow, own], wins: own },
    { name: 'the longest prefix', among: [wide, narrow], wins: narrow },
    { name: 'a canonical one of equal length', among: [narrow, kubernetes], wins: kubernetes },
    {
      name: 'none that the client may not see',
      among: [block('n', 24, { visibility: 'NAMESPACE' }), wide],
      wins: wide,
    },
  ];
  for (const { name, among, wins } of cases)
    it(name, () => {
      for (const order of [among, among.toReversed()])
        assert.equal(storeOf(...order).atAddress(network, '10.1.0.1', 'shop')?.name, wins.name);
    });

  it('an address outside belongs to no service', () =>
    assert.equal(storeOf(wide).atAddress(network, '11.0.0.1', 'shop'), undefined));
  it('a block is of one network', () =>
    assert.equal(storeOf(wide).atAddress('network-west', '10.1.0.1', 'a'), undefined));
});
