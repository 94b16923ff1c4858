import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decideName, type NameQuestion } from '@isthmus/mesh/decide/dns.ts';
import { coveringNames, meantNames, podSearch } from '@isthmus/mesh/decide/dns-names.ts';
import { familyOf } from '@isthmus/mesh/net/address.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { seededRandom } from '../../fakes/random.ts';
import { aService, aWorkload } from '../../fakes/records.ts';
import { client, network } from './world.ts';

const namespaces = ['shop', 'other', 'preferred'] as const;
const label = fc.constantFrom('cart', 'a', '*');
const hostname = fc.oneof(
  fc.tuple(
    fc.constantFrom('cart', 'peers'),
    fc.constantFrom(...namespaces),
    fc.constant('svc.cluster.local'),
  ),
  fc.tuple(label, fc.constantFrom('a', 'b'), fc.constantFrom('example', 'svc.cluster.remote')),
);
const address = fc.constantFrom('10.1.0.1', '10.1.0.2', 'fd00::1', 'fd00::2');
const service = fc
  .record({
    hostname: hostname.map((parts) => parts.join('.')),
    namespace: fc.constantFrom(...namespaces),
    addresses: fc.array(
      fc.record({
        address,
        network: fc.constantFrom(network, 'network-west'),
        prefix: fc.constantFrom(undefined, undefined, 24),
      }),
      { maxLength: 3 },
    ),
    canonical: fc.boolean(),
    visibility: fc.constantFrom('PUBLIC' as const, 'NAMESPACE' as const),
    ipFamilies: fc.constantFrom('AUTOMATIC' as const, 'IPV4_ONLY' as const, 'IPV6_ONLY' as const),
    inClusterset: fc.boolean(),
  })
  .map((over) => aService({ name: over.hostname.split('.')[0] ?? '', ...over }));
const endpoint = (services: readonly Service[], i: number): fc.Arbitrary<Workload> =>
  fc
    .record({
      addresses: fc.uniqueArray(address, { maxLength: 2 }),
      status: fc.constantFrom('HEALTHY' as const, 'UNHEALTHY' as const),
      of: fc.subarray([...services]),
    })
    .map(({ of, ...over }) =>
      aWorkload({ uid: `w-${i}`, ...over, services: new Map(of.map(({ key }) => [key, []])) }),
    );
const world = fc.uniqueArray(service, { selector: ({ key }) => key, maxLength: 8 }).chain((services) =>
  fc.record({
    services: fc.constant(services),
    endpoints: fc.tuple(...[0, 1, 2].map((i) => endpoint(services, i))),
  }),
);
const asked = fc
  .tuple(
    hostname.map(([first, second, rest]) => [first.replace('*', 'x'), second, rest] as const),
    fc.constantFrom(1, 2, 3),
    fc.constantFrom('', '.shop.svc.cluster.local', '.svc.cluster.local', '.clusterset.local'),
  )
  .map(([parts, depth, end]) => `${parts.slice(0, depth).join('.')}${end}`)
  .map((name) => name.replace('.svc.cluster.local.clusterset.local', '.svc.clusterset.local'));

interface Given {
  readonly services: readonly Service[];
  readonly endpoints: readonly Workload[];
}

/** The same, by looking at every service for every name. */
function whole({ services, endpoints }: Given, { name: first, type, search }: NameQuestion): string {
  for (const { name, stripped } of meantNames(first, client.namespace, search))
    for (const covering of coveringNames(name)) {
      const named =
        best(services.filter((one) => one.hostname === covering)) ??
        (covering === name ? inClusterset(services, name) : undefined);
      if (!named) continue;
      const addresses = addressesOf(named, endpoints).filter(
        (one) => familyOf(one) === (type === 'A' ? 'ipv4' : 'ipv6'),
      );
      const refused = type === 'A' ? 'IPV6_ONLY' : 'IPV4_ONLY';
      if (addresses.length === 0 || named.ipFamilies === refused) return `negative ${named.key}`;
      return `${covering === name ? (stripped ?? '') : ''} ${named.key} ${addresses.sort().join()}`;
    }
  return 'forward';
}

const inClusterset = (services: readonly Service[], name: string): Service | undefined =>
  services.find(
    (one) =>
      one.inClusterset &&
      one.hostname.endsWith('.svc.cluster.local') &&
      one.hostname.split('.')[1] === one.namespace &&
      one.hostname.replace('.svc.cluster.local', '.svc.clusterset.local') === name,
  );

/** Services as upstream ranks them; where it takes the one that came first, the one of the least key. */
function best(services: readonly Service[]): Service | undefined {
  const answerable = services.filter(
    (one) =>
      (one.addresses.some(({ prefix }) => prefix === undefined) ||
        one.hostname.endsWith('.svc.cluster.local')) &&
      (one.visibility === 'PUBLIC' || one.namespace === client.namespace),
  );
  const points = (one: Service) =>
    4 * Number(one.namespace === client.namespace) +
    2 * Number(one.canonical) +
    Number(one.namespace === 'preferred');
  return [...answerable].sort(
    (one, other) => points(other) - points(one) || (one.key < other.key ? -1 : 1),
  )[0];
}

function addressesOf(service: Service, endpoints: readonly Workload[]): string[] {
  const virtual = service.addresses.filter(({ prefix }) => prefix === undefined);
  if (virtual.length > 0) return virtual.filter((one) => one.network === network).map((one) => one.address);
  return endpoints
    .filter((one) => one.status === 'HEALTHY' && one.services.has(service.key))
    .flatMap(({ addresses }) =>
      (['ipv4', 'ipv6'] as const).flatMap(
        (family) => addresses.find((one) => familyOf(one) === family) ?? [],
      ),
    );
}

const shown = (decision: ReturnType<typeof decideName>): string => {
  if (decision.kind === 'answer')
    return `${decision.canonical ?? ''} ${decision.service.key} ${[...decision.addresses].sort().join()}`;
  return decision.kind === 'negative' ? `negative ${decision.service.key}` : decision.kind;
};

describe('what a client means by a name, in any mesh', () => {
  it('is what a look at every service says, however the state came about', () =>
    fc.assert(
      fc.property(
        world,
        fc.array(fc.tuple(asked, fc.constantFrom('A' as const, 'AAAA' as const)), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.boolean(),
        (given, questions, isReversed) => {
          const state = new MeshState();
          const addresses = [
            ...given.services.map((one) => ({ kind: 'service' as const, service: one })),
            ...given.endpoints.map((workload) => ({ kind: 'workload' as const, workload })),
          ];
          // One by one and asked in between, so that everything that is kept has to follow.
          for (const one of isReversed ? addresses.reverse() : addresses) {
            state.applyAddresses([one], []);
            for (const [name, type] of questions) decideName(state, question(name, type), seededRandom(1));
          }
          for (const [name, type] of questions)
            assert.equal(
              shown(decideName(state, question(name, type), seededRandom(2))),
              whole(given, question(name, type)),
            );
        },
      ),
      { numRuns: 300 },
    ));

  it('never throws, whatever is asked', () =>
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.array(fc.string({ maxLength: 20 })), (name, search) => {
        const state = new MeshState();
        const decision = decideName(state, { ...question(name, 'A'), search }, seededRandom(1));
        assert.equal(decision.kind, 'forward');
      }),
    ));

  function question(name: string, type: 'A' | 'AAAA'): NameQuestion {
    return { name, type, client, search: podSearch(client.namespace), preferredNamespace: 'preferred' };
  }
});
