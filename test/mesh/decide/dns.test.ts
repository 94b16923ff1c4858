import assert from 'node:assert/strict';
import { decideName, maxEndpoints, type NameDecision, type NameQuestion } from '@isthmus/mesh/decide/dns.ts';
import { podSearch } from '@isthmus/mesh/decide/dns-names.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { seededRandom } from '../../fakes/random.ts';
import { aService, aWorkload } from '../../fakes/records.ts';
import { backs, client, entry, pod, stateOf, vip } from './world.ts';

const at = (name: string, address: string, over: Partial<Service> = {}): Service =>
  aService({ name, addresses: [vip(address)], ...over });
const host = (hostname: string, address: string, over: Partial<Service> = {}): Service =>
  at(hostname, address, { hostname, canonical: false, ...over });
const headless = aService({ name: 'peers' });

const services: readonly Service[] = [
  at('cart', '10.1.0.1', { addresses: [vip('10.1.0.1'), vip('10.2.0.1', { network: 'network-west' })] }),
  at('cart', '10.1.0.2', { namespace: 'other' }),
  at('far', '10.1.0.8', { namespace: 'other' }),
  at('dual', '10.1.0.3', { addresses: [vip('10.1.0.3'), vip('fd00::3')] }),
  at('west-only', '', { addresses: [vip('10.2.0.4', { network: 'network-west' })] }),
  at('secret', '10.1.0.5', { namespace: 'other', visibility: 'NAMESPACE' }),
  at('own', '10.1.0.6', { visibility: 'NAMESPACE' }),
  at('shared', '240.0.0.7', { inClusterset: true }),
  headless,
  aService({ name: 'peers6', ipFamilies: 'IPV6_ONLY' }),
  host('www.example.com', '240.1.0.1'),
  host('*.wild.example', '240.1.0.2'),
  host('*.deep.wild.example', '240.1.0.3'),
  host('empty.example.com', '', { addresses: [] }),
  host('block.example.com', '', { addresses: [vip('10.9.0.0', { prefix: 24 })] }),
  host('many.io', '240.1.1.1', { namespace: 'a' }),
  host('many.io', '240.1.1.2', { namespace: 'preferred' }),
  host('local.io', '240.1.1.3', { namespace: 'preferred' }),
  host('local.io', '240.1.1.4'),
  host('canonical.io', '240.1.1.5', { namespace: 'preferred' }),
  host('canonical.io', '240.1.1.6', { namespace: 'z', canonical: true }),
  host('service.other.domain.', '240.1.1.7', { hostname: 'service.ns.svc.cluster.remote' }),
];
const peers = [
  pod('peer-0', '10.0.1.0', { addresses: ['10.0.1.0', 'fd00::10'], ...backs(headless) }),
  pod('peer-1', '10.0.1.1', backs(headless)),
  pod('sick', '10.0.1.2', { status: 'UNHEALTHY', ...backs(headless) }),
  entry(headless, 'hbone'),
  pod('peer-6', '10.0.1.6', {
    addresses: ['10.0.1.6', 'fd00::16'],
    services: new Map([['shop/peers6.shop.svc.cluster.local', []]]),
  }),
];
const state = stateOf([client, ...peers], services);

const ask = (name: string, over: Partial<NameQuestion> = {}): NameDecision =>
  decideName(
    state,
    {
      name,
      type: 'A',
      client,
      search: podSearch(client.namespace),
      preferredNamespace: 'preferred',
      ...over,
    },
    seededRandom(1),
  );

/** A short form of a decision: its addresses in order, with the name that they belong to where it is another. */
const shown = (decision: NameDecision): string => {
  if (decision.kind !== 'answer') return decision.kind;
  const addresses = [...decision.addresses].sort().join(' ');
  return decision.canonical === undefined ? addresses : `${decision.canonical} ${addresses}`;
};

const table: Record<string, readonly [name: string, type: 'A' | 'AAAA', expected: string]> = {
  'the full name of a service': ['cart.shop.svc.cluster.local', 'A', '10.1.0.1'],
  'its name alone, in the own namespace': ['cart', 'A', '10.1.0.1'],
  'its name and namespace': ['cart.other', 'A', '10.1.0.2'],
  'its name, namespace and svc': ['cart.other.svc', 'A', '10.1.0.2'],
  'a name that only another namespace has': ['far', 'A', 'forward'],
  'a full name with a search domain appended': [
    'cart.shop.svc.cluster.local.shop.svc.cluster.local',
    'A',
    'cart.shop.svc.cluster.local 10.1.0.1',
  ],
  'a short name with a search domain appended that is no service': [
    'cart.other.shop.svc.cluster.local',
    'A',
    'cart.other 10.1.0.2',
  ],
  'a foreign host with a search domain appended': [
    'www.example.com.svc.cluster.local',
    'A',
    'www.example.com 240.1.0.1',
  ],
  'a host of a ServiceEntry': ['www.example.com', 'A', '240.1.0.1'],
  'a host that only a wildcard covers': ['a.wild.example', 'A', '240.1.0.2'],
  'a host that a more specific wildcard covers': ['a.deep.wild.example', 'A', '240.1.0.3'],
  'what a wildcard covers, with a search domain appended: there is no name to point to': [
    'a.wild.example.shop.svc.cluster.local',
    'A',
    '240.1.0.2',
  ],
  'the name of a wildcard without what it stands for': ['wild.example', 'A', 'forward'],
  'IPv6 of a service with IPv4 alone': ['cart', 'AAAA', 'negative'],
  'IPv4 of a service with both': ['dual', 'A', '10.1.0.3'],
  'IPv6 of a service with both': ['dual', 'AAAA', 'fd00::3'],
  'a service whose addresses are in other networks alone': ['west-only', 'A', 'negative'],
  'a service that its namespace keeps to itself, from another': ['secret.other', 'A', 'forward'],
  'a service that its namespace keeps to itself, from there': ['own', 'A', '10.1.0.6'],
  'a headless service: the healthy endpoints': ['peers', 'A', '10.0.1.0 10.0.1.1'],
  'IPv6 of a headless service: the endpoints that have it': ['peers', 'AAAA', 'fd00::10'],
  'IPv4 of a headless service that is IPv6 alone': ['peers6', 'A', 'negative'],
  'IPv6 of a headless service that is IPv6 alone': ['peers6', 'AAAA', 'fd00::16'],
  'a pod of a headless service': ['peer-0.peers.shop.svc.cluster.local', 'A', 'forward'],
  'a host without addresses': ['empty.example.com', 'A', 'forward'],
  'a host with a block of addresses alone': ['block.example.com', 'A', 'forward'],
  'a host of two foreign namespaces: the preferred one': ['many.io', 'A', '240.1.1.2'],
  'a host of the own namespace before the preferred one': ['local.io', 'A', '240.1.1.4'],
  'a service of Kubernetes before the preferred namespace': ['canonical.io', 'A', '240.1.1.6'],
  'a service of another domain, in full': ['service.ns.svc.cluster.remote', 'A', '240.1.1.7'],
  'a service of another domain, in short': ['service.ns', 'A', 'forward'],
  'the clusterset name of a service that is exported': ['shared.shop.svc.clusterset.local', 'A', '240.0.0.7'],
  'the same with a search domain appended': [
    'shared.shop.svc.clusterset.local.svc.cluster.local',
    'A',
    'shared.shop.svc.clusterset.local 240.0.0.7',
  ],
  'IPv6 of a clusterset name': ['shared.shop.svc.clusterset.local', 'AAAA', 'negative'],
  'the clusterset name of a service that is not exported': ['cart.shop.svc.clusterset.local', 'A', 'forward'],
  'a pod of a clusterset name': ['p.shared.shop.svc.clusterset.local', 'A', 'forward'],
  'the domain of the clusterset': ['svc.clusterset.local', 'A', 'forward'],
  'a name that nobody has': ['www.elsewhere.org', 'A', 'forward'],
  'a search domain itself': ['svc.cluster.local', 'A', 'forward'],
  'the root': ['', 'A', 'forward'],
};

describe('what a client means by a name', () => {
  for (const [name, [asked, type, expected]] of Object.entries(table))
    it(name, () => assert.equal(shown(ask(asked, { type })), expected));

  it('forwards every other type, of known names too', () =>
    assert.equal(ask('cart', { type: 'OTHER' }).kind, 'forward'));

  it('refuses a client of whom nothing is known, whatever it asks', () => {
    for (const type of ['A', 'OTHER'] as const)
      assert.equal(ask('www.elsewhere.org', { type, client: undefined }).kind, 'refuse');
  });

  it('strips the search domains of the client, and no others', () => {
    const search = ['corp.example'];
    assert.equal(shown(ask('cart.corp.example', { search })), 'cart 10.1.0.1');
    assert.equal(shown(ask('www.example.com.svc.cluster.local', { search })), 'forward');
  });

  it('gives several addresses in random order', () => {
    const addresses = Array.from({ length: 5 }, (_, i) => vip(`10.3.0.${i}`));
    const wide = stateOf([client], [aService({ name: 'wide', addresses })]);
    const random = seededRandom(2);
    const firsts = new Set<string | undefined>();
    for (let i = 0; i < 100; i++) {
      const question = { name: 'wide', type: 'A', client, search: [], preferredNamespace: '' } as const;
      const decision = decideName(wide, question, random);
      assert.equal(shown(decision), addresses.map(({ address }) => address).join(' '));
      if (decision.kind === 'answer') firsts.add(decision.addresses[0]);
    }
    assert.equal(firsts.size, addresses.length);
  });

  for (const [size, given] of [
    [maxEndpoints - 1, maxEndpoints - 1],
    [maxEndpoints, maxEndpoints],
    [maxEndpoints + 1, maxEndpoints],
  ] as const)
    it(`gives ${given} of ${size} endpoints of a headless service`, () => {
      const many = Array.from({ length: size }, (_, i) =>
        aWorkload({
          uid: `east//Pod/shop/p-${i}`,
          addresses: [`10.5.${i >> 8}.${i & 255}`],
          ...backs(headless),
        }),
      );
      const question = { name: 'peers', type: 'A', client, search: [], preferredNamespace: '' } as const;
      const decision = decideName(stateOf(many, [headless]), question, seededRandom(3));
      assert.equal(decision.kind === 'answer' && new Set(decision.addresses).size, given);
    });

  it('gives a service that exists only elsewhere the address that stands for it here', () => {
    const remote = at('remote', '240.0.0.9', { inClusterset: true });
    const world = stateOf([client, entry(remote, 'hbone')], [remote]);
    for (const name of ['remote', 'remote.shop.svc.cluster.local', 'remote.shop.svc.clusterset.local']) {
      const question = { name, type: 'A', client, search: [], preferredNamespace: '' } as const;
      assert.equal(shown(decideName(world, question, seededRandom(1))), '240.0.0.9');
    }
  });
});
