import { defaultTrustDomain, type TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import fc from 'fast-check';
import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import type { Intent, IntentKind } from '../../federation/store/store.ts';
import { aGateway } from './agent.ts';
import { makeAuthority } from './authority.ts';
import { aMember, Federation } from './federation.ts';
import { inShop } from './services.ts';

/** One change of a federation's intent, or of what is observed in it. */
export interface FederationChange {
  /** For the report of a failed property. */
  readonly what: string;
  readonly make: (hub: Federation) => Promise<void> | void;
}

export const someClusters = ['east', 'west', 'south', 'north'] as const;

/** One of them is of another trust domain than the others. */
export const trustDomainAt = (name: string): TrustDomain =>
  name === 'north' ? ('corp.example' as TrustDomain) : defaultTrustDomain;

/** A hub of all of them. */
export async function startSome(): Promise<Federation> {
  const hub = await Federation.start();
  await hub.put(...someClusters.map((name) => aMember(name, { trustDomain: trustDomainAt(name) })));
  return hub;
}
const someServices = ['cart', 'orders', 'mail'] as const;

const cluster = fc.constantFrom(...someClusters);
const service = fc.constantFrom(...someServices);
const several = fc.subarray([...someClusters]);

const change = <T>(
  what: string,
  input: fc.Arbitrary<T>,
  make: (hub: Federation, input: T) => Promise<void> | void,
): fc.Arbitrary<FederationChange> =>
  input.map((value) => ({
    what: `${what} ${JSON.stringify(value)}`,
    make: (hub) => make(hub, value),
  }));

const put = <T>(input: fc.Arbitrary<T>, intent: (input: T) => Intent): fc.Arbitrary<FederationChange> =>
  change('put', input.map(intent), (hub, value) => hub.put(value));

const remove = (kind: IntentKind, id: fc.Arbitrary<string>): fc.Arbitrary<FederationChange> =>
  change(`remove ${kind}`, id, (hub, name) => hub.remove(kind, name));

const member = fc.record({
  name: cluster,
  admission: fc.constantFrom('ADMITTED', 'ADMITTED', 'REVOKED', 'PENDING'),
  drainPercent: fc.constantFrom(0, 0, 40, 100),
  namespaces: fc.constantFrom(undefined, ['shop'], ['pay']),
  joinedAt: fc.constantFrom(1, 2, 3),
  network: fc.constantFrom('own', 'shared', undefined),
} as const);

const reported = fc.record({
  cluster,
  services: fc.dictionary(service, fc.nat(2), { noNullPrototype: true }),
  requested: fc.subarray([...someServices]),
  /** Two clusters may report one address. */
  gateway: fc.constantFrom('own', 'shared', 'none'),
  ready: fc.boolean(),
});

const acknowledged = fc.record({
  cluster,
  subject: fc.constantFrom('policy/p1', 'policy/p2', 'intermediate/k1', 'diversion/drain:east'),
  version: fc.constantFrom('1', '2'),
  state: fc.constantFrom<Applied['state']>('APPLIED', 'PENDING'),
});

/** Milliseconds: in sync, and ahead or behind by what its condition says differently. */
const skew = fc.constantFrom(0, 0, 31_000, 45_000, -45_000, 90_000);

const policy = fc.record({ name: fc.constantFrom('p1', 'p2'), clusters: several, port: fc.nat(2) });

let pems: ReadonlyMap<string, string> | undefined;

/** Certificates are made once, as that takes long. */
const pemOf = (name: string): string => {
  pems ??= new Map(
    someClusters.map((one) => [
      one,
      certificatePem(makeAuthority('cluster.local', one).intermediate.certificate),
    ]),
  );
  return pems.get(name) ?? pems.get('east') ?? '';
};

export const anIntermediate = (
  keyId: string,
  over: Pick<IntermediateRecord, 'cluster' | 'revoked' | 'activated'>,
): IntermediateRecord => ({
  kind: 'intermediate',
  keyId,
  trustDomain: defaultTrustDomain,
  certificatePem: pemOf(over.cluster),
  notAfter: Date.UTC(2026, 1, 1),
  ...over,
});

export const aToken = (id: string, over: Partial<JoinToken> = {}): JoinToken => ({
  kind: 'joinToken',
  id,
  cluster: 'east',
  secretHash: `hash-${id}`,
  createdAt: 1,
  createdBy: 'admin',
  expiresAt: Date.UTC(2026, 1, 1),
  usedAt: undefined,
  usedBy: undefined,
  membership: undefined,
  namespaces: undefined,
  network: undefined,
  ...over,
});

const tokenId = fc.constantFrom('t1', 't2', 't3');

const ofServices = fc.record({ name: service, clusters: several });

/** Any change that the hub's state can see. */
export const federationChange: fc.Arbitrary<FederationChange> = fc.oneof(
  put(member, ({ network, ...one }) =>
    aMember(one.name, {
      ...one,
      trustDomain: trustDomainAt(one.name),
      network: network === 'own' ? `network-${one.name}` : network,
    }),
  ),
  remove('cluster', cluster),
  { arbitrary: change('report', reported, report), weight: 4 },
  change('link', fc.record({ cluster, kind: fc.constantFrom('away', 'here', 'whole') }), (hub, input) =>
    hub.link(input.cluster, input.kind),
  ),
  change('acknowledge', acknowledged, (hub, { cluster: by, ...rest }) =>
    hub.acknowledge(by, { ...rest, message: '', proxies: 1 }),
  ),
  change('heartbeat', fc.record({ cluster, skew }), (hub, input) => hub.heartbeat(input.cluster, input.skew)),
  put(policy, ({ name, clusters, port }) => ({
    kind: 'accessPolicy',
    name,
    effect: 'ALLOW',
    target: { clusters, namespace: 'shop', labels: {} },
    rules: [{ principals: [], namespaces: port === 0 ? ['shop'] : [], ports: [port + 1] }],
  })),
  remove('accessPolicy', fc.constantFrom('p1', 'p2')),
  put(fc.record({ id: tokenId, cluster, usedAt: fc.constantFrom(undefined, 5) }), ({ id, ...over }) =>
    aToken(id, over),
  ),
  remove('joinToken', tokenId),
  put(fc.record({ name: service, order: fc.subarray(['ZONE', 'REGION'] as const) }), ({ name, order }) => ({
    kind: 'trafficPolicy',
    namespace: 'shop',
    name,
    localityOrder: order,
    regionFailover: [],
  })),
  remove('trafficPolicy', fc.constant('shop/cart')),
  put(ofServices, ({ name, clusters }) => ({ kind: 'serviceExport', namespace: 'shop', name, clusters })),
  remove('serviceExport', fc.constant('shop/cart')),
  put(ofServices, ({ name, clusters }) => ({ kind: 'exportApproval', namespace: 'shop', name, clusters })),
  remove('exportApproval', fc.constant('shop/cart')),
  put(
    fc.record({ id: fc.constantFrom('f1', 'f2'), clusters: several, left: fc.constantFrom(undefined, 50) }),
    (one) => ({
      kind: 'failover',
      id: one.id,
      from: { region: 'r1' },
      clusters: one.clusters,
      services: [inShop('cart')],
      percent: 80,
      scope: 'ALL',
      owner: 'admin',
      reason: '',
      createdAt: 1,
      expiresAt: undefined,
      returning: one.left === undefined ? undefined : { left: one.left, steppedAt: 1 },
    }),
  ),
  remove('failover', fc.constantFrom('f1', 'f2')),
  put(
    fc.record({
      keyId: fc.constantFrom('k1', 'k2'),
      cluster,
      activated: fc.boolean(),
      revoked: fc.boolean(),
    }),
    ({ keyId, ...over }) => anIntermediate(keyId, over),
  ),
  remove('intermediate', fc.constantFrom('k1', 'k2')),
);

function report(hub: Federation, { cluster: name, services, requested, gateway, ready }: Reporting): void {
  const address = gateway === 'shared' ? '127.9.0.1' : aGateway(name).address;
  hub.report(name, {
    services,
    over: Object.fromEntries(someServices.map((one) => [one, { exportRequested: requested.includes(one) }])),
    gateways: gateway === 'none' ? [] : [aGateway(name, { address, ready })],
  });
}

type Reporting = typeof reported extends fc.Arbitrary<infer T> ? T : never;
