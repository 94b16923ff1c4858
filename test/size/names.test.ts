import assert from 'node:assert/strict';
import { decideName } from '@isthmus/mesh/decide/dns.ts';
import { podSearch } from '@isthmus/mesh/decide/dns-names.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { seededRandom } from '../fakes/random.ts';
import { aService, aWorkload } from '../fakes/records.ts';
import { CountedReads } from './counted-reads.ts';
import { assertScales } from './doubled.ts';

const network = 'network-east';
const client = aWorkload({ uid: 'east//Pod/shop/front', addresses: ['10.254.0.1'] });
const known = [
  aService({ name: 'cart', addresses: [{ network, address: '10.255.0.1', prefix: undefined }] }),
  aService({ name: 'shared', inClusterset: true }),
  aService({ name: 'peers' }),
  aService({
    name: 'wild',
    hostname: '*.example.com',
    addresses: [{ network, address: '10.255.0.2', prefix: undefined }],
  }),
];

/** What is read to answer one question among so many other services, each with an endpoint. */
function readsOf(name: string, kind: string, size: number): number {
  const counted = new CountedReads();
  const state = new MeshState();
  const others = Array.from({ length: size }, (_, i) =>
    aService({
      name: `other-${i}`,
      namespace: `ns-${i % 50}`,
      inClusterset: true,
      addresses: [{ network, address: `10.1.${i >> 8}.${i & 255}`, prefix: undefined }],
    }),
  );
  const endpoints = [...others, known[2]].map((service, i) =>
    aWorkload({
      uid: `east//Pod/shop/p-${i}`,
      addresses: [`10.2.${i >> 8}.${i & 255}`],
      services: new Map(service && [[service.key, []]]),
    }),
  );
  for (const service of [...known, ...others])
    state.applyAddresses([{ kind: 'service', service: counted.of(service) }], []);
  for (const workload of endpoints)
    state.applyAddresses([{ kind: 'workload', workload: counted.of(workload) }], []);
  const search = podSearch(client.namespace);
  return counted.during(() => {
    const question = { name, type: 'A', client: counted.of(client), search, preferredNamespace: '' } as const;
    assert.equal(decideName(state, question, seededRandom(1)).kind, kind);
  });
}

const questions: Record<string, readonly [name: string, kind: string]> = {
  'a full name': ['cart.shop.svc.cluster.local', 'answer'],
  'a name with a search domain appended': ['cart.shop.svc.cluster.local.shop.svc.cluster.local', 'answer'],
  'a name of the clusterset': ['shared.shop.svc.clusterset.local', 'negative'],
  'a name under a wildcard': ['a.b.example.com', 'answer'],
  'a headless service': ['peers', 'answer'],
  'a name that nobody has': ['www.elsewhere.org', 'forward'],
};

describe('the size of a question for a name', () => {
  for (const [what, [name, kind]] of Object.entries(questions))
    it(`${what}: reads as much in a mesh of twice as many services and endpoints`, () =>
      assertScales((size) => {
        const reads = readsOf(name, kind, size);
        return { firstSync: reads, change: reads };
      }, 1_000));
});
