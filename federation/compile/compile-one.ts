import { X509Certificate } from 'node:crypto';
import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import { parseTrafficShiftId } from '@isthmus/api/domain/traffic-shift-id.ts';
import { recordLimits, weightCap } from '@isthmus/api/domain/limits.ts';
import { parseServiceKey, serviceNameOf } from '@isthmus/api/domain/names.ts';
import { parseRemoteName } from '@isthmus/api/domain/remote-name.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { encodeIntermediate, encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { capped } from '@isthmus/mesh/balance/weight-cap.ts';
import { compileAccess } from '@isthmus/mesh/rbac/compile-access.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { markOf } from '@isthmus/mesh/delta/digest.ts';
import { drainOf, failoverFrom } from './traffic-shifts.ts';
import { isExported } from '../policy/exported.ts';
import { usableGateways } from '../policy/gateways.ts';
import type { Now } from '../state/now.ts';
import type { Stored } from '../store/store.ts';
import type { Audience } from './audience.ts';
import type { Compiled, SharedType } from './compiled.ts';

interface Content {
  readonly body: Uint8Array;
  readonly audience: Audience;
}

type Compile = (now: Now, name: string) => Content | undefined;

const all: Audience = { kind: 'all' };

/** What goes down under a name; undefined: nothing of that name does. Pure: the same state gives the same bytes. */
export const compileOne = (now: Now, type: SharedType, name: string): Compiled | undefined =>
  compiled(type, name, compilers[type](now, name));

/** The same of an access policy, for clusters of one trust domain: namespaces in it mean those of that. */
export const compilePolicy = (now: Now, name: string, trustDomain: TrustDomain): Compiled | undefined =>
  compiled('policy', name, policy(now, name, trustDomain));

function compiled(type: link.DownType, name: string, content: Content | undefined): Compiled | undefined {
  if (!content) return undefined;
  const { body, audience } = content;
  const version = contentVersion(body);
  return { type, name, body, version, mark: markOf(name, version), audience };
}

const compilers: Readonly<Record<SharedType, Compile>> = {
  'hub-address': hubAddress,
  'trust-bundle': trustBundle,
  intermediate,
  activation,
  traffic,
  diversion: trafficShift,
  member,
  grant,
  remote,
};

/** Agents go on with what they have while the hub does not know where it is reached. */
function hubAddress({ outside }: Now): Content | undefined {
  if (!outside.ok) return undefined;
  const linkEndpoints = outside.value.link.slice(0, recordLimits.addressesOfHub);
  return { body: link.hubAddress.encode({ linkEndpoints }), audience: all };
}

function trustBundle({ intent }: Now, name: string): Content | undefined {
  const value = intent.trustDomains.get(name)?.value;
  if (!value) return undefined;
  const roots = [new X509Certificate(value.rootCertificatePem)];
  const trustDomain = value.name;
  return { body: encodeTrustBundle({ trustDomain, roots, sequence: value.sequence }), audience: all };
}

/** As every verifier gets it, with the namespaces that an operator set for its cluster. */
function intermediate({ intent }: Now, keyId: string): Content | undefined {
  const record = intent.intermediates.get(keyId)?.value;
  if (!record) return undefined;
  const body = encodeIntermediate({
    keyId,
    trustDomain: record.trustDomain,
    cluster: record.cluster,
    certificate: new X509Certificate(record.certificatePem),
    revoked: record.revoked,
    namespaces: intent.clusters.get(record.cluster)?.value.namespaces,
  });
  return { body, audience: all };
}

function activation({ intent }: Now, keyId: string): Content | undefined {
  const record = intent.intermediates.get(keyId)?.value;
  if (!record?.activated || record.revoked) return undefined;
  return { body: link.activation.encode({ keyId }), audience: only([record.cluster]) };
}

function policy({ intent }: Now, name: string, trustDomain: TrustDomain): Content | undefined {
  const stored: Stored<AccessPolicy> | undefined = intent.accessPolicies.get(name);
  if (!stored) return undefined;
  const { value, revision } = stored;
  const { clusters, namespace, labels } = value.target;
  const body = link.compiledPolicy.encode({
    name: value.name,
    revision,
    target: { namespace, labels },
    authorization: compileAccess({ ...value, namespace }, trustDomain),
  });
  return { body, audience: clusters.length === 0 ? all : only(clusters) };
}

function traffic({ intent }: Now, name: string): Content | undefined {
  const value = intent.trafficPolicies.get(name)?.value;
  return value && { body: link.trafficPolicy.encode(value), audience: all };
}

function trafficShift(now: Now, name: string): Content | undefined {
  const value = trafficShiftOf(now, name);
  return value && { body: link.trafficShift.encode(value), audience: all };
}

function trafficShiftOf({ intent }: Now, name: string): TrafficShift | undefined {
  const id = parseTrafficShiftId(name);
  if (!id) return undefined;
  if ('drain' in id) return drainOf(intent.clusters.get(id.drain)?.value);
  return failoverFrom(intent.failovers.get(id.failover)?.value, id.cluster);
}

function member({ intent }: Now, cluster: string): Content | undefined {
  if (intent.clusters.get(cluster)?.value.admission !== 'ADMITTED') return undefined;
  return { body: link.member.encode({ cluster }), audience: all };
}

/** Until workspaces exist all members are in one, so a grant covers every member and names none. */
function grant({ index }: Now, name: string): Content | undefined {
  const key = parseServiceKey(name);
  if (key === undefined) return undefined;
  const clusters = index.exports.exporters(key);
  if (clusters.size === 0) return undefined;
  const body = link.exportGrant.encode({ ...serviceNameOf(key), clusters: [], members: true });
  return { body, audience: { kind: 'clusters', clusters } };
}

function remote(now: Now, text: string): Content | undefined {
  const name = parseRemoteName(text);
  const record = name && now.observed.get(name.cluster);
  const service = name && record?.services.get(name.service);
  if (!record || !service || now.intent.clusters.get(name.cluster)?.value.admission !== 'ADMITTED')
    return undefined;
  if (!isExported(now, name.cluster, service)) return undefined;
  const body = link.remoteService.encode({
    cluster: name.cluster,
    namespace: service.namespace,
    name: service.name,
    hostname: service.hostname,
    ports: service.ports,
    subjectAltNames: service.subjectAltNames,
    groups: capped(service.groups, weightCap),
    gateways: usableGateways(now, record),
    ...(service.properties && { properties: service.properties }),
  });
  return { body, audience: { kind: 'peers', owner: name.cluster } };
}

const only = (clusters: readonly string[]): Audience => ({ kind: 'clusters', clusters: new Set(clusters) });
