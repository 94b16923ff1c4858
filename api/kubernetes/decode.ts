import type { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { Finding } from '../domain/rejection.ts';
import { decodeAuthorizationPolicy } from './authorization-policy.ts';
import { complaint } from './complaint.ts';
import { invalid } from './finding.ts';
import { objectId } from './objects.ts';
import type { ClusterObject, Metadata, ServiceObject } from './objects.ts';
import { readPeerAuthentication } from './peer-authentication.ts';
import { readPod } from './pod.ts';
import { readCreation } from './precedence.ts';
import * as policySchemas from './policy-schemas.ts';
import { standInFor, type StandIn } from './policy-stand-in.ts';
import * as schemas from './schemas.ts';
import { withoutNulls } from './without-nulls.ts';

/** An object that was read, with what of it is not applied; or one whose kind Isthmus does not use. */
export type Decoded =
  | {
      readonly kind: 'object';
      readonly what: string;
      readonly object: ClusterObject;
      readonly findings: readonly Finding[];
    }
  | { readonly kind: 'skipped'; readonly what: string; readonly apiVersion: string };

/** Why an object is refused. */
export interface Refusal extends Finding {
  /** `<kind> <namespace>/<name>`, as far as the object has them. */
  readonly object: string;
  /** Undefined when it cannot be read. Whoever has a good form of that object may keep it. */
  readonly id: string | undefined;
  /** Of a security policy: what is in force where there is no good form of it. */
  readonly standIn: StandIn | undefined;
}

const clusterScoped = new Set(['Namespace', 'Node']);

/**
 * Reads one foreign object, as JSON has it. Never throws; the refusal names the object, the field and what is wrong
 * with it. A null stands for nothing, as in Kubernetes.
 */
export function decodeObject(foreign: unknown): Result<Decoded, Refusal> {
  const raw = readable(foreign);
  const decoded = decodeReadable(raw);
  return decoded.ok
    ? decoded
    : err({ ...decoded.error, standIn: isSecurityGroup(raw) ? standInFor(raw) : undefined });
}

const isSecurityGroup = (raw: unknown): boolean => {
  const { apiVersion } = loosely(raw);
  return typeof apiVersion === 'string' && apiVersion.startsWith('security.istio.io/');
};

function decodeReadable(raw: unknown): Result<Decoded, Omit<Refusal, 'standIn'>> {
  const refusal = { object: describe(raw), id: idOf(raw) };
  const framed = schemas.frame.safeParse(raw);
  if (!framed.success) return err({ ...refusal, ...complaint(framed.error, schemas.frame) });
  const { apiVersion, kind } = framed.data;
  const metadata = readMetadata(kind, framed.data.metadata);
  const decode = decoders[`${apiVersion.replace(/\/v1beta1$/, '/v1')}/${kind}`];
  if (!decode) return passOver(apiVersion, kind, refusal);
  const read = decode(raw, metadata);
  if (!read.ok) return err({ ...refusal, ...read.error });
  const { object, findings } = read.value;
  return ok({ kind: 'object', what: refusal.object, object, findings });
}

/** In the specs of security policies a null is refused, as a rule that was only begun must not match everything. */
function readable(foreign: unknown): unknown {
  const { kind, metadata } = loosely(foreign);
  return typeof kind === 'string' && securityKinds.has(kind)
    ? { ...loosely(foreign), metadata: withoutNulls(metadata) }
    : withoutNulls(foreign);
}

const securityKinds = new Set(['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication']);

/** Kinds that are not acted on are many; a security policy that is misspelt must not pass for one of them. */
function passOver(apiVersion: string, kind: string, refusal: Pick<Refusal, 'object' | 'id'>) {
  const isSecurity = apiVersion.startsWith('security.istio.io/');
  if (isSecurity && !securityKinds.has(kind))
    return err({ ...refusal, id: undefined, ...invalid('kind', `${apiVersion} has no such kind`) });
  if (kind === 'AuthorizationPolicy' || kind === 'PeerAuthentication')
    return err({ ...refusal, ...invalid('apiVersion', 'is not security.istio.io/v1 or /v1beta1') });
  return ok({ kind: 'skipped' as const, what: refusal.object, apiVersion });
}

interface Read {
  readonly object: ClusterObject;
  readonly findings: readonly Finding[];
}

type Decode = (raw: unknown, metadata: Metadata) => Result<Read, Finding>;

const whole = (object: ClusterObject): Read => ({ object, findings: [] });

const decoders: Readonly<Record<string, Decode>> = {
  'v1/Namespace': (_raw, metadata) => ok(whole({ kind: 'Namespace', metadata })),
  'v1/ServiceAccount': (_raw, metadata) => ok(whole({ kind: 'ServiceAccount', metadata })),
  'v1/Node': (raw, metadata) => through(schemas.node, raw, (value) => whole(readNode(value, metadata))),
  'v1/Service': (raw, metadata) =>
    through(schemas.service, raw, (value) => whole(readService(value, metadata))),
  'v1/Pod': (raw, metadata) => through(schemas.pod, raw, (value) => readPod(value, metadata)),
  'discovery.k8s.io/v1/EndpointSlice': (raw, metadata) =>
    through(schemas.endpointSlice, raw, (value) => whole(readSlice(value, metadata))),
  'security.istio.io/v1/AuthorizationPolicy': (raw, metadata) =>
    through(policySchemas.authorizationPolicy, raw, (value) => decodeAuthorizationPolicy(value, metadata)),
  'security.istio.io/v1/PeerAuthentication': (raw, metadata) =>
    through(policySchemas.peerAuthentication, raw, (value) => whole(readPeerAuthentication(value, metadata))),
};

function through<S extends z.ZodType>(
  schema: S,
  raw: unknown,
  read: (value: z.infer<S>) => Read,
): Result<Read, Finding> {
  const parsed = schema.safeParse(raw);
  return parsed.success ? ok(read(parsed.data)) : err(complaint(parsed.error, schema));
}

interface Loose {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown };
}

const loosely = (raw: unknown): Loose => (typeof raw === 'object' && raw !== null ? raw : {});

/** `<kind> <namespace>/<name>`, as far as the object says. */
function describe(raw: unknown): string {
  const { kind, metadata } = loosely(raw);
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 100) : '?');
  if (clusterScoped.has(text(kind))) return `${text(kind)} ${text(metadata?.name)}`;
  return `${text(kind)} ${text(metadata?.namespace ?? 'default')}/${text(metadata?.name)}`;
}

function idOf(raw: unknown): string | undefined {
  const { kind, metadata } = loosely(raw);
  const { name, namespace = 'default' } = metadata ?? {};
  if (typeof kind !== 'string' || typeof name !== 'string' || typeof namespace !== 'string') return undefined;
  return objectId(kind, { name, namespace: clusterScoped.has(kind) ? '' : namespace });
}

function readMetadata(kind: string, raw: z.infer<typeof schemas.metadata>): Metadata {
  const namespace = clusterScoped.has(kind) ? '' : (raw.namespace ?? 'default');
  const { name, uid = `${namespace}.${name}`, labels = {}, annotations = {} } = raw;
  return { name, namespace, uid, createdAt: readCreation(raw.creationTimestamp), labels, annotations };
}

function readNode({ status }: z.infer<typeof schemas.node>, metadata: Metadata): ClusterObject {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  return {
    ...{ kind: 'Node', metadata, address: canonicalAddress(address) ?? '' },
    region: metadata.labels['topology.kubernetes.io/region'] ?? '',
    zone: metadata.labels['topology.kubernetes.io/zone'] ?? '',
  };
}

function readService({ spec }: z.infer<typeof schemas.service>, metadata: Metadata): ServiceObject {
  const written = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return {
    ...{ kind: 'Service', metadata, type: spec.type ?? 'ClusterIP', selector: spec.selector ?? {} },
    // UDP is never carried in a tunnel.
    ports: (spec.ports ?? [])
      .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
      .map(({ name = '', port, targetPort = port, appProtocol = '' }) => ({
        name,
        port,
        targetPort,
        appProtocol,
      })),
    clusterIPs: written.flatMap((one) => canonicalAddress(one) ?? []),
    headless: written.includes('None'),
    publishNotReadyAddresses: spec.publishNotReadyAddresses ?? false,
    trafficDistribution:
      spec.trafficDistribution ?? metadata.annotations['networking.istio.io/traffic-distribution'] ?? '',
    internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster',
  };
}

function readSlice(
  { ports, endpoints }: z.infer<typeof schemas.endpointSlice>,
  metadata: Metadata,
): ClusterObject {
  return {
    ...{ kind: 'EndpointSlice', metadata, service: metadata.labels['kubernetes.io/service-name'] ?? '' },
    ports: (ports ?? []).flatMap(({ name, port }) => (port ? [{ name: name ?? '', port }] : [])),
    endpoints: (endpoints ?? []).map(({ addresses, conditions, nodeName = '', zone = '' }) => ({
      addresses: addresses.flatMap((one) => canonicalAddress(one) ?? []),
      ...{ ready: conditions?.ready ?? true, nodeName, zone },
    })),
  };
}
