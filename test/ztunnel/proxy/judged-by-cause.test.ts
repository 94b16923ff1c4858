import assert from 'node:assert/strict';
import fc from 'fast-check';
import { judgeEntering, judgeLive, type Live } from '@isthmus/mesh/decide/live.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { formatWorkloadIdentity, workloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { seen } from '@isthmus/mesh/rbac/matching.ts';
import { MeshState, type Address } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { TouchedKeys, type Touched } from '@isthmus/mesh/state/touched.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { Connections } from '@isthmus/ztunnel/proxy/connections.ts';
import type { Place } from '@isthmus/ztunnel/proxy/place.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { aMatch, anAuthorization, aService, aWorkload } from '../../fakes/records.ts';

// A world so small that random changes meet one another all the time.
const one = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const some = <T>(...values: readonly T[]) => fc.subarray([...values]);
const namespaces = ['shop', 'bank'];
const clusters = ['east', 'west'];
const uids = ['a', 'b', 'c'];
const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
const names = ['cart', 'till'];
const keys = namespaces.flatMap((namespace) => names.map((name) => aService({ name, namespace }).key));
const policyKeys = ['shop/p', 'shop/q', 'bank/r', 'root/s'];
const authorities = clusters.map((cluster, i) => ({
  cluster,
  authority: makeAuthority(i === 0 ? 'cluster.local' : 'td-b', cluster),
}));

const fields = <T>(model: { readonly [K in keyof T]?: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc
    .array(
      fc.oneof(
        ...Object.entries<fc.Arbitrary<unknown>>(model as Record<string, fc.Arbitrary<unknown>>).map(
          ([key, values]) => values.map((value) => ({ [key]: value })),
        ),
      ),
      { minLength: 1, maxLength: 2 },
    )
    .map((all) => Object.assign({}, ...all) as Partial<T>);

const mapping = [{ servicePort: 80, targetPort: 8080 }];
const backing = (backed: readonly string[]) => new Map(backed.map((key) => [key, mapping]));

/** A workload that lets everybody in, but for a field or two. */
const workloads: fc.Arbitrary<Workload> = fc
  .record({
    uid: one(...uids),
    over: fields<Workload>({
      namespace: one(...namespaces),
      cluster: one(...clusters),
      network: one('n1', 'n2'),
      addresses: some(...addresses),
      hostNetwork: fc.boolean(),
      eastWestGateway: fc.boolean(),
      strict: fc.boolean(),
      status: one('UNHEALTHY'),
      services: some(...keys).map(backing),
      authorizationPolicies: some(...policyKeys),
    }),
  })
  .map(({ uid, over }) => plain(uid, over));

const plain = (uid: string, over: Partial<Workload> = {}): Workload =>
  aWorkload({
    uid,
    network: 'n1',
    cluster: 'east',
    services: backing(keys.slice(0, 1)),
    addresses: [],
    ...over,
  });

const services: fc.Arbitrary<Service> = fc
  .record({
    name: one(...names),
    namespace: one(...namespaces),
    over: fields<Service>({
      exported: fc.boolean(),
      grantedClusters: some(...clusters),
      leftClusters: some(...clusters),
      ports: some(...mapping, { servicePort: 90, targetPort: 9090 }),
    }),
  })
  .map(({ name, namespace, over }) => open(name, namespace, over));

const open = (name: string, namespace: string, over: Partial<Service> = {}): Service =>
  aService({ name, namespace, exported: true, grantedClusters: clusters, ports: mapping, ...over });

const policies: fc.Arbitrary<Authorization> = fc
  .record({
    key: one(...policyKeys),
    namespace: one(...namespaces, ''),
    scope: one('GLOBAL' as const, 'NAMESPACE' as const, 'WORKLOAD_SELECTOR' as const),
    action: one('ALLOW' as const, 'DENY' as const),
    dryRun: one(false, false, true),
    rules: one(
      [[]],
      [[[aMatch({ destinationPorts: [8080] })]]],
      [[[aMatch({ namespaces: [{ kind: 'exact', value: 'shop' }] })]]],
      [[[aMatch({ sourceIps: [{ address: '10.0.0.1', prefix: 32 }] })]]],
    ),
  })
  .map((over) => anAuthorization({ name: over.key, ...over }));

const peers: fc.Arbitrary<Peer | undefined> = fc.option(
  fc
    .record({ issuer: one(...authorities), namespace: one(...namespaces) })
    .map(({ issuer, namespace }): Peer => {
      const { trustDomain, keyId } = issuer.authority;
      const identity = workloadIdentity(trustDomain, namespace, 'front');
      const { cluster } = issuer;
      const spiffeId = formatWorkloadIdentity(identity);
      return { spiffeId, identity, trustDomain, cluster, issuerKeyId: keyId, notAfter: Infinity };
    }),
  { nil: undefined },
);

const lives: fc.Arbitrary<Live> = fc
  .record({
    peer: peers,
    workload: one(...uids, ...uids, ...uids, undefined),
    port: one(8080, 9090),
    source: one(...addresses),
    service: one(...keys.slice(0, 2), undefined, undefined),
    outbound: one(undefined, undefined, ...keys.map((service) => ({ service, cluster: 'west' }))),
  })
  .map(({ peer, workload, port, source, service, outbound }): Live => {
    const destination = { address: '10.0.0.9', port, workload: aWorkload({ uid: 'any' }) };
    return {
      peer,
      outbound,
      inbound:
        workload === undefined
          ? undefined
          : {
              facts: seen({ source: { address: source, identity: peer?.identity }, destination }),
              sourceAddress: source,
              port,
              workload,
              service: peer && service,
            },
    };
  });

type Change = (state: MeshState, table: IssuerTable) => { touched?: Touched; issuers?: ReadonlySet<string> };

const addressChanges: fc.Arbitrary<Change> = fc
  .record({
    upserts: fc.array(
      fc.oneof(
        workloads.map((workload): Address => ({ kind: 'workload', workload })),
        services.map((service): Address => ({ kind: 'service', service })),
      ),
      { maxLength: 2 },
    ),
    removed: fc.array(one(...uids, ...keys), { maxLength: 1 }),
  })
  .map(({ upserts, removed }) => (state) => ({ touched: state.applyAddresses(upserts, removed) }));

const policyChanges: fc.Arbitrary<Change> = fc
  .record({
    upserts: fc.array(policies, { maxLength: 2 }),
    removed: fc.array(one(...policyKeys), { maxLength: 2 }),
    standIns: fc.array(policies, { maxLength: 1 }),
  })
  .map(({ upserts, removed, standIns }) => (state) => ({
    touched: state.applyAuthorizations(
      upserts,
      removed,
      standIns.map((policy) => ({ key: policy.key, policy: policy.dryRun ? undefined : policy })),
    ),
  }));

const trustChanges: fc.Arbitrary<Change> = fc
  .record({
    of: one(...authorities),
    kind: one('bundle', 'no bundle', 'intermediate', 'no intermediate', 'moved'),
    revoked: one(false, false, true),
    hosted: fc.option(some(...namespaces), { nil: undefined }),
  })
  .map(({ of: { cluster, authority }, kind, revoked, hosted }) => (_, table) => {
    const { trustDomain, root, keyId, intermediate } = authority;
    const { certificate } = intermediate;
    const issuer = { keyId, trustDomain, cluster, certificate, revoked, namespaces: hosted };
    switch (kind) {
      case 'bundle': {
        const taken = table.upsertBundle({ trustDomain, roots: [root], sequence: 1 });
        return taken.ok ? { issuers: taken.value } : {};
      }
      case 'no bundle':
        return { issuers: table.removeBundle(trustDomain) };
      case 'no intermediate':
        return { issuers: table.removeIntermediate(keyId) };
      case 'moved':
        return { issuers: table.upsertIntermediate({ ...issuer, cluster: 'north' }) };
      default:
        return { issuers: table.upsertIntermediate(issuer) };
    }
  });

const steps = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: lives.map((live) => ({ kind: 'enter' as const, live })) },
    { weight: 1, arbitrary: fc.nat().map((index) => ({ kind: 'leave' as const, index })) },
    {
      weight: 4,
      arbitrary: fc
        .oneof(addressChanges, policyChanges, trustChanges)
        .map((change) => ({ kind: 'change' as const, change })),
    },
  ),
  { maxLength: 8 },
);

/** Connections of a small world, and what has become of each. */
class World {
  readonly state = new MeshState();
  readonly table = new IssuerTable();
  readonly places = new Set<Place>();
  readonly closed = new Set<Place>();
  readonly connections: Connections;

  constructor() {
    this.connections = new Connections({
      clock: new FakeClock(),
      judge: (live) => judgeEntering(this.state, this.table, live),
      servedBy: (uid) => this.state.workloads.get(uid),
    });
    for (const { authority } of authorities) authority.teach(this.table);
    this.state.applyAddresses(
      [
        ...uids.map((uid): Address => ({ kind: 'workload', workload: plain(uid) })),
        ...namespaces.flatMap((namespace) =>
          names.map((name): Address => ({ kind: 'service', service: open(name, namespace) })),
        ),
      ],
      [],
    );
  }

  enter(live: Live): void {
    const entered = this.connections.enter({ ...live, about: '' });
    if (entered.kind !== 'place') {
      // What would wait for a policy does so until its time is over, and is not part of this.
      if (entered.kind === 'unknown') void entered.decided(1);
      return;
    }
    const { place } = entered;
    this.places.add(place);
    place.carried('', () => this.closed.add(place));
  }

  leave(index: number): void {
    const place = [...this.places][index % Math.max(1, this.places.size)];
    if (place) this.#forget(place);
  }

  change(change: Change): void {
    const { touched = new TouchedKeys(), issuers = new Set() } = change(this.state, this.table);
    this.connections.wake(touched, issuers, () => undefined);
    const refused = [...this.places].filter(
      ({ live }) => judgeLive(this.state, this.table, live).kind === 'ends',
    );
    const missed = refused.filter((place) => !this.closed.has(place)).map(({ live }) => live);
    const wrong = [...this.closed].filter((place) => !refused.includes(place)).map(({ live }) => live);
    assert.deepEqual({ missed, wrong }, { missed: [], wrong: [] });
    for (const place of refused) this.#forget(place);
  }

  #forget(place: Place): void {
    this.places.delete(place);
    this.closed.delete(place);
    place.leave();
  }
}

describe('connections that are judged by cause', () => {
  it('end exactly when a judgement of all would end them, whatever has changed', () => {
    fc.assert(
      fc.property(fc.array(lives, { minLength: 8, maxLength: 12 }), steps, (first, all) => {
        const world = new World();
        for (const live of first) world.enter(live);
        for (const step of all)
          if (step.kind === 'enter') world.enter(step.live);
          else if (step.kind === 'leave') world.leave(step.index);
          else world.change(step.change);
      }),
      { numRuns: 1000 },
    );
  });
});
