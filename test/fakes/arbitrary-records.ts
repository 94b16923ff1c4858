import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { defaultTrustDomain, type TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import type { AddressMatch, Authorization, Match } from '@isthmus/mesh/rbac/authorization.ts';
import type { GatewayAddress } from '@isthmus/mesh/records/gateway-address.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';

/** Arbitrary records as decoders give them: canonical, whole, in range. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const word = fc.stringMatching(/^[a-z][a-z0-9.-]{0,11}$/);
const port = fc.integer({ min: 1, max: 65_535 });
const portOrZero = fc.nat(65_535);
const list = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 3 });

const ipv6 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => ipaddr.fromByteArray([...bytes]).toString())
  .filter((text) => canonicalAddress(text) === text);
export const ip = fc.oneof(fc.ipV4(), ipv6);
const block: fc.Arbitrary<AddressMatch> = fc.oneof(
  record({ address: fc.ipV4(), prefix: fc.nat(32) }),
  record({ address: ipv6, prefix: fc.nat(128) }),
);

const gateway: fc.Arbitrary<GatewayAddress> = fc.oneof(
  record({ kind: fc.constant('address' as const), network: text, address: ip, hbonePort: port }),
  record({ kind: fc.constant('hostname' as const), namespace: text, hostname: word, hbonePort: port }),
);
const maybeGateway = fc.option(gateway, { nil: undefined });
const serviceKey = fc.tuple(word, word).map(([namespace, hostname]) => `${namespace}/${hostname}`);

export const workload: fc.Arbitrary<Workload> = record({
  uid: word,
  name: text,
  namespace: text,
  addresses: list(ip),
  network: text,
  cluster: word,
  node: text,
  locality: record({ region: text, zone: text, subzone: text }),
  trustDomain: fc.constantFrom(defaultTrustDomain, 'td-b.example' as TrustDomain),
  serviceAccount: fc.oneof(fc.constant('default'), word),
  canonicalName: text,
  canonicalRevision: text,
  workloadName: text,
  workloadType: fc.constantFrom('DEPLOYMENT', 'CRONJOB', 'POD', 'JOB'),
  hostname: text,
  hostNetwork: fc.boolean(),
  status: fc.constantFrom('HEALTHY', 'UNHEALTHY'),
  capacity: fc.nat(),
  services: fc
    .array(fc.tuple(serviceKey, list(record({ servicePort: port, targetPort: portOrZero }))), {
      maxLength: 3,
    })
    .map((entries) => new Map(entries)),
  waypoint: maybeGateway,
  networkGateway: maybeGateway,
  authorizationPolicies: list(text),
  transport: fc.constantFrom('hbone', 'istio-mtls', 'plaintext'),
  appAddress: fc.oneof(fc.constant(''), ip),
  capturedPorts: list(port),
  classicClients: fc.boolean(),
  strict: fc.boolean(),
  sidecar: fc.boolean(),
  subjectAltNames: list(text),
  passthroughPort: portOrZero,
  eastWestGateway: fc.boolean(),
});

export const service: fc.Arbitrary<Service> = record({
  name: text,
  namespace: word,
  hostname: word,
  addresses: list(record({ network: text, address: ip, prefix: fc.option(fc.nat(32), { nil: undefined }) })),
  ports: list(record({ servicePort: port, targetPort: portOrZero })),
  subjectAltNames: list(text),
  waypoint: maybeGateway,
  routingPreference: list(fc.constantFrom('REGION', 'ZONE', 'SUBZONE', 'NODE', 'CLUSTER', 'NETWORK')),
  mode: fc.constantFrom('UNSPECIFIED', 'STRICT', 'FAILOVER', 'PASSTHROUGH'),
  healthPolicy: fc.constantFrom('ONLY_HEALTHY', 'ALLOW_ALL'),
  canonical: fc.boolean(),
  visibility: fc.constantFrom('PUBLIC', 'NAMESPACE'),
  ipFamilies: fc.constantFrom('AUTOMATIC', 'IPV4_ONLY', 'IPV6_ONLY', 'DUAL'),
  exported: fc.boolean(),
  grantedClusters: list(word),
  leftClusters: list(word),
  inClusterset: fc.boolean(),
}).map((parts) => ({ ...parts, key: `${parts.namespace}/${parts.hostname}` }));

const stringMatch = fc.oneof(
  record({ kind: fc.constantFrom('exact' as const, 'prefix' as const, 'suffix' as const), value: text }),
  fc.constant({ kind: 'presence' as const }),
);
const account = record({ namespace: text, serviceAccount: text });
const match: fc.Arbitrary<Match> = record({
  namespaces: list(stringMatch),
  notNamespaces: list(stringMatch),
  principals: list(stringMatch),
  notPrincipals: list(stringMatch),
  sourceIps: list(block),
  notSourceIps: list(block),
  destinationIps: list(block),
  notDestinationIps: list(block),
  destinationPorts: list(portOrZero),
  notDestinationPorts: list(portOrZero),
  serviceAccounts: list(account),
  notServiceAccounts: list(account),
});

export const authorization: fc.Arbitrary<Authorization> = record({
  name: word,
  namespace: word,
  scope: fc.constantFrom('GLOBAL' as const, 'NAMESPACE' as const, 'WORKLOAD_SELECTOR' as const),
  action: fc.constantFrom('ALLOW' as const, 'DENY' as const),
  rules: list(list(list(match))),
  dryRun: fc.boolean(),
}).map((parts) => ({ ...parts, key: `${parts.namespace}/${parts.name}` }));
