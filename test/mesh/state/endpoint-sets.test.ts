import assert from 'node:assert/strict';
import fc from 'fast-check';
import { rank, type Placed } from '@isthmus/mesh/balance/rank.ts';
import type { WeightedSet } from '@isthmus/mesh/balance/weighted-set.ts';
import { EndpointSets } from '@isthmus/mesh/state/endpoint-sets.ts';
import { MeshState, type Address } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { aService, aWorkload } from '../../fakes/records.ts';

const few = (...words: readonly string[]) => fc.constantFrom(...words);
const place: fc.Arbitrary<Placed> = fc.record({
  locality: fc.record({ region: few('r', 's', ''), zone: few('y', 'z'), subzone: few('', 'x') }),
  node: few('n', 'm'),
  cluster: few('east', 'west'),
  network: few('net-a', 'net-b'),
});

const members = (services: readonly string[]) =>
  new Map(services.map((name) => [aService({ name }).key, [{ servicePort: 80, targetPort: 8080 }]]));

const workload: fc.Arbitrary<Workload> = fc
  .record({
    place,
    uid: few('a', 'b', 'c', 'd', 'e', 'f'),
    status: fc.constantFrom('HEALTHY' as const, 'UNHEALTHY' as const),
    capacity: fc.oneof(fc.nat(3), fc.nat({ max: 2 ** 32 - 1 })),
    services: fc.subarray(['cart', 'web']).map(members),
    transport: fc.constantFrom('hbone' as const, 'istio-mtls' as const, 'plaintext' as const),
    classicClients: fc.boolean(),
  })
  .map(({ place: at, ...over }) => aWorkload({ ...at, ...over }));

const service: fc.Arbitrary<Service> = fc
  .record({
    name: few('cart', 'web'),
    mode: fc.constantFrom('UNSPECIFIED' as const, 'STRICT' as const, 'FAILOVER' as const),
    healthPolicy: fc.constantFrom('ONLY_HEALTHY' as const, 'ALLOW_ALL' as const),
    routingPreference: fc.subarray([
      'NETWORK' as const,
      'REGION' as const,
      'ZONE' as const,
      'SUBZONE' as const,
      'NODE' as const,
      'CLUSTER' as const,
    ]),
  })
  .map(aService);

type Change = Address | { readonly kind: 'removed'; readonly name: string };
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: workload.map((one) => ({ kind: 'workload' as const, workload: one })) },
  { weight: 2, arbitrary: service.map((one) => ({ kind: 'service' as const, service: one })) },
  few('a', 'b', 'c', aService({ name: 'cart' }).key).map((name) => ({ kind: 'removed' as const, name })),
);

type Set = WeightedSet<Workload>;
const uids = (set: Set): string[] => [...set.items()].map(({ uid }) => uid).sort();

/** The same by looking at each endpoint. */
function ranksOf(state: MeshState, one: Service, client: Placed): string[][] {
  const byRank = Map.groupBy(state.endpointsOf(one), (workload) => rank(one, client, workload));
  byRank.delete(undefined);
  return [...byRank]
    .sort(([a], [b]) => (b ?? 0) - (a ?? 0))
    .map(([, list]) => list.map(({ uid }) => uid).sort());
}

const sum = (list: readonly Workload[]): number => list.reduce((all, { capacity }) => all + capacity, 0);

describe('endpoint sets', () => {
  const apply = (state: MeshState, one: Change) =>
    one.kind === 'removed' ? state.applyAddresses([], [one.name]) : state.applyAddresses([one], []);

  it('that are kept equal those that are made from scratch, after any changes', () =>
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 40 }),
        fc.array(place, { maxLength: 3 }),
        (changes, clients) => {
          const state = new MeshState();
          for (const one of changes) {
            apply(state, one);
            for (const known of state.services.all()) assertEqual(state, known, clients);
          }
        },
      ),
    ));

  function assertEqual(state: MeshState, one: Service, clients: readonly Placed[]): void {
    for (const client of clients)
      assert.deepEqual(state.endpoints.ranks(one, client).map(uids), ranksOf(state, one, client));
    const usable = state.endpointsOf(one);
    const alike = state.endpoints.ranks(one, undefined);
    assert.deepEqual(alike.flatMap(uids), usable.map(({ uid }) => uid).sort());
    assert.equal(
      alike.reduce((all, { total }) => all + total, 0),
      sum(usable),
    );
    for (const network of ['net-a', 'net-b'])
      for (const cluster of ['east', 'west']) {
        const sets = state.endpoints.at(one, { network, cluster }, ({ transport }) => transport === 'hbone');
        const there = usable.filter((w) => w.network === network && w.cluster === cluster);
        assert.deepEqual(
          sets.flatMap(uids).sort(),
          there
            .filter(({ transport }) => transport === 'hbone')
            .map(({ uid }) => uid)
            .sort(),
        );
        assert.ok(sets.every(({ size }) => size > 0));
      }
  }

  const web = aService({ name: 'web', mode: 'FAILOVER', routingPreference: ['NODE'] });
  const one = aWorkload({ uid: 'one', services: members(['web']) });

  /** Counts how often the endpoints of a service are gone through. */
  const counted = (limits?: { readonly lists: number; readonly ofService: number }) => {
    const made: string[] = [];
    const endpointsOf = ({ name }: Service) => {
      made.push(name);
      return [one];
    };
    return { made, sets: new EndpointSets(endpointsOf, limits) };
  };
  const on = (node: string): Placed => ({ ...one, node });

  it('are made once for clients whose places the service tells not apart', () => {
    const { made, sets } = counted();
    for (const zone of ['z1', 'z2'])
      sets.ranks(web, { ...on('a'), locality: { region: '', zone, subzone: '' } });
    assert.deepEqual(made, ['web']);
  });

  it('of one service are kept for as many places as the limit says, and the one that was used longest ago goes', () => {
    const { made, sets } = counted({ lists: 100, ofService: 2 });
    for (const node of ['a', 'b', 'a']) sets.ranks(web, on(node));
    assert.deepEqual([made.length, sets.size], [2, 2]);
    sets.ranks(web, on('c'));
    assert.deepEqual([made.length, sets.size], [3, 2]);
    sets.ranks(web, on('a'));
    assert.equal(made.length, 3);
    sets.ranks(web, on('b'));
    assert.equal(made.length, 4);
  });

  it('of all services are kept for as many places as the limit says', () => {
    const { made, sets } = counted({ lists: 2, ofService: 8 });
    const services = ['web', 'cart', 'shop'].map((name) => aService({ name }));
    for (const each of services.slice(0, 2)) sets.ranks(each, on('a'));
    assert.equal(sets.size, 2);
    for (const each of services) sets.ranks(each, on('a'));
    assert.deepEqual([sets.size, made], [2, ['web', 'cart', 'shop']]);
    sets.ranks(services[0] ?? web, on('a'));
    assert.deepEqual(made, ['web', 'cart', 'shop', 'web']);
  });

  it('are forgotten with their service', () => {
    const { made, sets } = counted();
    sets.ranks(web, on('a'));
    sets.serviceChanged(web.key);
    assert.equal(sets.size, 0);
    sets.ranks(web, on('a'));
    assert.equal(made.length, 2);
  });
});
