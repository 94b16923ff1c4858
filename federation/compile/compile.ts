import { weightCap } from '@isthmus/api/domain/limits.ts';
import { capped } from '@isthmus/mesh/balance/weight-cap.ts';
import { usableGateways } from '../policy/gateways.ts';
import { X509Certificate } from 'node:crypto';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { CompiledPolicy, ExportGrant, RemoteService } from '@isthmus/api/domain/directive.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { encodeIntermediate, encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { compileAccess } from '@isthmus/mesh/rbac/compile-access.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import { diversionsOf } from '../failover/diversions.ts';
import { holdsForItself, isExported } from '../policy/exported.ts';
import { members } from '../state/members.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';
import { intermediateOf } from './versions.ts';
import type { Stored } from '../store/store.ts';

export type Resources = ReadonlyMap<string, Resource>;

/** What one cluster exports, by the resource names that all other clusters receive. */
export function exportsFrom(snapshot: Now, cluster: string): Resources {
  const record = snapshot.observed.get(cluster);
  const services = record ? exportsOf(snapshot, record) : [];
  return named(link.remoteService.encode, services, (one) => `${one.cluster}/${keyOf(one)}`);
}

/**
 * What one cluster must know of one type. Pure: the same snapshot always gives the same bytes. `exported` may remember
 * what `exportsFrom` gives, which is the same for every receiver.
 */
export function compile(
  snapshot: Now,
  cluster: string,
  type: string,
  exported: (cluster: string) => Resources = (name) => exportsFrom(snapshot, name),
): Resources {
  switch (type) {
    case 'trust-bundle':
      return named(encodeTrustBundle, bundles(snapshot), ({ trustDomain }) => trustDomain);
    case 'intermediate':
      return named(encodeIntermediate, intermediates(snapshot), ({ keyId }) => keyId);
    case 'activation':
      return named(link.activation.encode, activations(snapshot, cluster), ({ keyId }) => keyId);
    case 'policy':
      return named(link.compiledPolicy.encode, policies(snapshot, cluster), ({ name }) => name);
    case 'traffic':
      return named(
        link.trafficPolicy.encode,
        [...snapshot.intent.trafficPolicies.values()].map(({ value }) => value),
        keyOf,
      );
    case 'diversion':
      return named(link.diversion.encode, diversionsOf(snapshot), ({ id }) => id);
    case 'member':
      return named(
        link.member.encode,
        members(snapshot).map((name) => ({ cluster: name })),
        (one) => one.cluster,
      );
    case 'grant':
      return named(link.exportGrant.encode, grants(snapshot, cluster), keyOf);
    case 'remote':
      return remotes(snapshot, cluster, exported);
    default:
      return new Map();
  }
}

const keyOf = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`;

function named<T>(
  encode: (record: T) => Uint8Array,
  records: readonly T[],
  name: (record: T) => string,
): Resources {
  return new Map(
    records.map((record) => {
      const body = encode(record);
      return [name(record), { name: name(record), version: contentVersion(body), body }];
    }),
  );
}

const bundles = ({ intent }: Now) =>
  [...intent.trustDomains.values()].map(({ value }) => ({
    trustDomain: value.name as TrustDomain,
    roots: [new X509Certificate(value.rootCertificatePem)],
    sequence: value.sequence,
  }));

const intermediates = ({ intent }: Now) =>
  [...intent.intermediates.values()].map(({ value }) => intermediateOf(value, intent));

const activations = ({ intent }: Now, cluster: string) =>
  [...intent.intermediates.values()]
    .filter(({ value }) => value.cluster === cluster && value.activated && !value.revoked)
    .map(({ id }) => ({ keyId: id }));

const policies = (snapshot: Now, cluster: string) =>
  [...snapshot.intent.accessPolicies.values()]
    .filter(({ value }) => value.target.clusters.length === 0 || value.target.clusters.includes(cluster))
    .map((stored) => compiledPolicy(snapshot, stored));

const compiledPolicy = ({ settings }: Now, { value, revision }: Stored<AccessPolicy>): CompiledPolicy => ({
  name: value.name,
  revision,
  target: { namespace: value.target.namespace, labels: value.target.labels },
  authorization: compileAccess({ ...value, namespace: value.target.namespace }, settings.trustDomain),
});

/** The version under which agents report a policy: what they say of another one is about the past. */
export const policyVersion = (snapshot: Now, stored: Stored<AccessPolicy>): string =>
  contentVersion(link.compiledPolicy.encode(compiledPolicy(snapshot, stored)));

/** Until workspaces exist all members are in one, so a grant covers every member and names none. */
function grants(snapshot: Now, cluster: string): readonly ExportGrant[] {
  const services = snapshot.observed.get(cluster)?.services.values() ?? [];
  return [...services]
    .filter((service) => isExported(snapshot, cluster, service))
    .map(({ namespace, name }) => ({ namespace, name, clusters: [], members: true }));
}

function remotes(snapshot: Now, cluster: string, exported: (cluster: string) => Resources): Resources {
  const others = members(snapshot).filter((name) => name !== cluster);
  return new Map(
    others.flatMap((name) =>
      [...exported(name)].filter(([key]) => !holdsForItself(snapshot, cluster, key.slice(name.length + 1))),
    ),
  );
}

function exportsOf(snapshot: Now, record: ClusterRecord): readonly RemoteService[] {
  const gateways = usableGateways(snapshot, record);
  return [...record.services.values()]
    .filter((service) => isExported(snapshot, record.cluster, service))
    .map(({ namespace, name, hostname, ports, subjectAltNames, groups }) => ({
      cluster: record.cluster,
      namespace,
      name,
      hostname,
      ports,
      subjectAltNames,
      groups: capped(groups, weightCap),
      gateways,
    }));
}
