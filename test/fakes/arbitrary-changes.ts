import fc from 'fast-check';
import { serviceKeyOf, type ClientId, type ServiceKey } from '@isthmus/cluster-agent/keys/names.ts';
import type {
  CompiledPolicy,
  TrafficShift,
  ExportGrant,
  Member,
  RemoteService,
} from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import {
  accounts,
  clusterObject as object,
  maybeSelector,
  namespaces,
  one,
  places,
  podNames,
  rarely,
  record,
  serviceNames,
} from './arbitrary-objects.ts';
import { aGateway, aRemote } from './cluster.ts';
import { someProperties } from './global-properties.ts';
import { anAuthorization } from './records.ts';
import { formatServiceKey } from '@isthmus/api/domain/names.ts';

/** One thing that happens to an agent's cluster: out of small pools, so that changes meet one another. */
export type ClusterChange =
  | { readonly kind: 'object'; readonly object: ClusterObject }
  | { readonly kind: 'removed'; readonly object: ClusterObject }
  | { readonly kind: 'hub'; readonly resource: HubChange }
  | {
      readonly kind: 'opened';
      readonly client: ClientId;
      readonly version: string;
      readonly returned: boolean;
    }
  | { readonly kind: 'lost'; readonly client: ClientId }
  | { readonly kind: 'answered'; readonly client: ClientId; readonly pod: string; readonly refused: boolean }
  | {
      readonly kind: 'issued';
      readonly proxy: string;
      readonly identity: string;
      readonly hours: number;
      readonly issuer: string;
    }
  | { readonly kind: 'reserved'; readonly service: ServiceKey; readonly address: string | undefined }
  | { readonly kind: 'time'; readonly millis: number };

/** A resource of the hub under its name; undefined: it is withdrawn. */
export type HubChange =
  | { readonly type: 'policy'; readonly name: string; readonly value: CompiledPolicy | undefined }
  | { readonly type: 'traffic'; readonly name: string; readonly value: TrafficPolicy | undefined }
  | { readonly type: 'diversion'; readonly name: string; readonly value: TrafficShift | undefined }
  | { readonly type: 'grant'; readonly name: string; readonly value: ExportGrant | undefined }
  | { readonly type: 'remote'; readonly name: string; readonly value: RemoteService | undefined }
  | { readonly type: 'member'; readonly name: string; readonly value: Member | undefined }
  | {
      readonly type: 'intermediate';
      readonly name: string;
      readonly value: { readonly revoked: boolean } | undefined;
    };

const clusters = ['west', 'west-2', 'north'] as const;

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: fc.constant(undefined) });
const ref = record({ namespace: rarely('shop', one('bank')), name: rarely('cart', one(...serviceNames)) });

const group = record({
  region: one(...places, 'c'),
  zone: one('', ...places),
  transport: one<('hbone' | 'istio-mtls')[]>('hbone', 'istio-mtls'),
  total: fc.constant(2),
  healthy: fc.nat(2),
});

const remote = fc
  .tuple(
    one(...clusters),
    ref,
    maybe(
      fc.tuple(
        fc.array(group, { maxLength: 2 }),
        one('network-far', 'network-east'),
        one('127.7.1.1', '127.7.1.2'),
        fc.boolean(),
        record({ name: rarely('http', one('web')), port: one(80, 81), age: one(undefined, 0, 1000, 2000) }),
      ),
    ),
  )
  .map(([cluster, { namespace: inNamespace, name }, said]): HubChange => ({
    type: 'remote',
    name: `${cluster}/${inNamespace}/${name}`,
    value:
      said &&
      aRemote({
        cluster,
        namespace: inNamespace,
        name,
        hostname: `${name}.${inNamespace}.svc.cluster.local`,
        ports: [{ name: said[4].name, port: said[4].port, targetPort: 8080, appProtocol: '' }],
        ...(said[4].age !== undefined && { properties: someProperties({ exportedAt: said[4].age }) }),
        subjectAltNames: [`spiffe://cluster.local/ns/${inNamespace}/sa/${cluster}`],
        groups: said[0],
        gateways: [aGateway({ network: said[1], address: said[2], ready: said[3], region: cluster })],
      }),
  }));

const policy = fc
  .tuple(one('p', 'q'), maybe(fc.tuple(one('shop', 'bank'), maybeSelector, fc.boolean(), one('h', 'k'))))
  .map(([name, said]): HubChange => ({
    type: 'policy',
    name,
    value: said && {
      name,
      revision: 1,
      target: { namespace: said[0], labels: said[1] },
      authorization: anAuthorization({
        name: `${name}-${said[3]}`,
        namespace: said[0],
        dryRun: said[2],
        key: `${said[0]}/${name}`,
      }),
    },
  }));

const traffic = fc
  .tuple(
    ref,
    maybe(
      fc.tuple(
        one<TrafficPolicy['localityOrder'][]>([], ['REGION'], ['CLUSTER', 'ZONE']),
        one([{ from: 'a', to: 'b' }], [{ from: 'b', to: 'a' }]),
      ),
    ),
  )
  .map(([named, said]): HubChange => ({
    type: 'traffic',
    name: `${named.namespace}/${named.name}`,
    value: said && { kind: 'trafficPolicy', ...named, localityOrder: said[0], regionFailover: said[1] },
  }));

const trafficShift = fc
  .tuple(
    one('d', 'e'),
    maybe(
      fc.tuple(
        one('east', ...clusters),
        one(50, 100),
        fc.array(ref, { maxLength: 2 }),
        fc.boolean(),
        one(undefined, 5_000, 60_000),
      ),
    ),
  )
  .map(([id, said]): HubChange => ({
    type: 'diversion',
    name: id,
    value: said && {
      id,
      cluster: said[0],
      percent: said[1],
      services: said[2].map(formatServiceKey),
      remoteOnly: said[3],
      deadline: said[4] === undefined ? undefined : Date.UTC(2026, 0, 1) + said[4],
    },
  }));

const grant = fc
  .tuple(ref, maybe(fc.subarray([...clusters])), fc.boolean())
  .map(([named, said, toMembers]): HubChange => ({
    type: 'grant',
    name: `${named.namespace}/${named.name}`,
    value: said && { ...named, clusters: said, ...(toMembers && { members: true as const }) },
  }));

const member = fc.tuple(one('east', ...clusters), fc.boolean()).map(([cluster, isThere]): HubChange => ({
  type: 'member',
  name: cluster,
  value: isThere ? { cluster } : undefined,
}));

const intermediate = fc.tuple(one('k1', 'k2'), maybe(fc.boolean())).map(([name, said]): HubChange => ({
  type: 'intermediate',
  name,
  value: said === undefined ? undefined : { revoked: said },
}));

const client = one(
  ...['ztunnel/istio-system/z1', 'ztunnel/istio-system/z2', 'ztunnel/istio-system/z3'],
  ...['ztunnel/shop/p1', 'sidecar/shop/p1', 'sidecar/shop/p2', 'sidecar/bank/p1', 'router/istio-system/gw'],
).map((text) => text as ClientId);

export const clusterChange: fc.Arbitrary<ClusterChange> = fc.oneof(
  { weight: 12, arbitrary: record({ kind: fc.constant('object' as const), object }) },
  { weight: 4, arbitrary: record({ kind: fc.constant('removed' as const), object }) },
  {
    weight: 8,
    arbitrary: record({
      kind: fc.constant('hub' as const),
      resource: fc.oneof(
        { weight: 3, arbitrary: remote },
        policy,
        traffic,
        trafficShift,
        grant,
        member,
        intermediate,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: record({
      kind: fc.constant('opened' as const),
      client,
      version: one('', '0.1.0'),
      returned: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: record({ kind: fc.constant('lost' as const), client }) },
  {
    weight: 6,
    arbitrary: record({
      kind: fc.constant('answered' as const),
      client,
      pod: one(...podNames),
      refused: rarely(false, fc.constant(true)),
    }),
  },
  {
    weight: 6,
    arbitrary: record({
      kind: fc.constant('issued' as const),
      proxy: one(...podNames),
      identity: fc
        .tuple(one(...namespaces), one(...accounts))
        .map(([inNamespace, account]) => `spiffe://cluster.local/ns/${inNamespace}/sa/${account}`),
      hours: one(0.001, 24),
      issuer: one('k1', 'k2'),
    }),
  },
  {
    weight: 2,
    arbitrary: record({
      kind: fc.constant('reserved' as const),
      service: ref.map(serviceKeyOf),
      address: one('240.0.0.1', '240.0.0.2', undefined),
    }),
  },
  { weight: 2, arbitrary: record({ kind: fc.constant('time' as const), millis: one(100, 5_100, 31_000) }) },
);

/** Batches of changes; after each the agent has caught up. Long, so that changes meet what is there. */
export const clusterChanges: fc.Arbitrary<readonly (readonly ClusterChange[])[]> = fc.array(
  fc.array(clusterChange, { minLength: 1, maxLength: 4, size: 'max' }),
  { minLength: 1, maxLength: 120, size: 'max' },
);
