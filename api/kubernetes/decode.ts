import type { z } from 'zod';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { Rejection } from '../domain/observation.ts';
import { decodeAuthorizationPolicy } from './authorization-policy.ts';
import type { ClusterObject, Metadata, PodObject, Probe, ServiceObject } from './objects.ts';
import * as schemas from './schemas.ts';

/** An object that was read, or one whose kind Isthmus does not act on. */
export type Decoded =
  | { readonly kind: 'object'; readonly object: ClusterObject }
  | { readonly kind: 'skipped'; readonly what: string };

const clusterScoped = new Set(['Namespace', 'Node']);

/** Reads one foreign object. Never throws; the rejection names the object, the field and what is wrong with it. */
export function decodeObject(raw: unknown): Result<Decoded, Rejection> {
  const framed = schemas.frame.safeParse(raw);
  if (!framed.success) return reject(describe(raw), framed.error);
  const { apiVersion, kind } = framed.data;
  const decode = decoders[`${apiVersion.replace(/\/v1beta1$/, '/v1')}/${kind}`];
  const what = `${kind} ${framed.data.metadata.namespace ?? 'default'}/${framed.data.metadata.name}`;
  if (!decode) return ok({ kind: 'skipped', what: `${apiVersion} ${what}` });
  const object = decode(raw, readMetadata(kind, framed.data.metadata));
  return object.ok ? ok({ kind: 'object', object: object.value }) : reject(what, object.error);
}

type Decode = (raw: unknown, metadata: Metadata) => Result<ClusterObject, z.ZodError>;

const decoders: Readonly<Record<string, Decode>> = {
  'v1/Namespace': (_raw, metadata) => ok({ kind: 'Namespace', metadata }),
  'v1/ServiceAccount': (_raw, metadata) => ok({ kind: 'ServiceAccount', metadata }),
  'v1/Node': (raw, metadata) => through(schemas.node, raw, (value) => readNode(value, metadata)),
  'v1/Service': (raw, metadata) => through(schemas.service, raw, (value) => readService(value, metadata)),
  'v1/Pod': (raw, metadata) => through(schemas.pod, raw, (value) => readPod(value, metadata, raw)),
  'discovery.k8s.io/v1/EndpointSlice': (raw, metadata) =>
    through(schemas.endpointSlice, raw, (value) => readSlice(value, metadata)),
  'security.istio.io/v1/AuthorizationPolicy': (raw, metadata) =>
    through(schemas.authorizationPolicy, raw, (value) => decodeAuthorizationPolicy(value, metadata)),
  'security.istio.io/v1/PeerAuthentication': (raw, metadata) =>
    through(schemas.peerAuthentication, raw, ({ spec }) => ({
      ...{ kind: 'PeerAuthentication', metadata, selector: spec?.selector?.matchLabels ?? {} },
      mode: spec?.mtls?.mode ?? 'UNSET',
    })),
};

function through<S extends z.ZodType>(
  schema: S,
  raw: unknown,
  read: (value: z.infer<S>) => ClusterObject,
): Result<ClusterObject, z.ZodError> {
  const parsed = schema.safeParse(raw);
  return parsed.success ? ok(read(parsed.data)) : err(parsed.error);
}

function reject(object: string, error: z.ZodError): Result<never, Rejection> {
  const [issue] = error.issues;
  const path =
    issue?.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('') ?? '';
  const extra = issue?.code === 'unrecognized_keys' ? `.${issue.keys.join(', .')}` : '';
  return err({
    object,
    field: `${path}${extra}`.replace(/^\./, ''),
    reason: issue?.message ?? 'cannot be read',
  });
}

function describe(raw: unknown): string {
  const { kind, metadata } = (typeof raw === 'object' && raw !== null ? raw : {}) as {
    kind?: unknown;
    metadata?: { name?: unknown };
  };
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 100) : '?');
  return `${text(kind)} ${text(metadata?.name)}`;
}

function readMetadata(kind: string, raw: z.infer<typeof schemas.metadata>): Metadata {
  const namespace = clusterScoped.has(kind) ? '' : (raw.namespace ?? 'default');
  const { name, uid = `${namespace}.${name}`, labels = {}, annotations = {} } = raw;
  return { name, namespace, uid, labels, annotations };
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

function readPod({ spec, status }: z.infer<typeof schemas.pod>, metadata: Metadata, raw: unknown): PodObject {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const deletion = (raw as { metadata: { deletionTimestamp?: string | null } }).metadata.deletionTimestamp;
  return {
    kind: 'Pod',
    metadata,
    nodeName: spec.nodeName ?? '',
    serviceAccount: spec.serviceAccountName ?? 'default',
    ...{ podIP: canonicalAddress(status?.podIP ?? '') ?? '', hostNetwork: spec.hostNetwork ?? false },
    ports: spec.containers.flatMap(({ ports = [] }) =>
      ports.map(({ name = '', containerPort }) => ({ name, port: containerPort })),
    ),
    readinessProbe: readProbe(spec.containers.find(({ readinessProbe }) => readinessProbe)?.readinessProbe),
    ready: condition === undefined ? undefined : condition === 'True',
    deleted: deletion !== undefined && deletion !== null,
  };
}

type RawProbe = NonNullable<z.infer<typeof schemas.pod>['spec']['containers'][number]['readinessProbe']>;

function readProbe(probe: RawProbe | undefined): Probe | undefined {
  const target = probe?.httpGet ?? probe?.tcpSocket;
  if (!probe || !target) return undefined;
  return {
    ...{ kind: probe.httpGet ? 'httpGet' : 'tcpSocket', port: target.port, path: probe.httpGet?.path ?? '/' },
    periodMillis: (probe.periodSeconds ?? 10) * 1000,
    timeoutMillis: (probe.timeoutSeconds ?? 1) * 1000,
    ...{ failureThreshold: probe.failureThreshold ?? 3, successThreshold: probe.successThreshold ?? 1 },
  };
}
