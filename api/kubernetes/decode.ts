import type { z } from 'zod';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { Finding } from '../domain/rejection.ts';
import { decodeAuthorizationPolicy } from './authorization-policy.ts';
import { complaint } from './complaint.ts';
import { endpointSliceSchema, readSlice } from './endpoint-slice.ts';
import {
  gatewayClassSchema,
  gatewayFindings,
  gatewaySchema,
  readGateway,
  readGatewayClass,
} from './gateway.ts';
import { recognise, type Recognised } from './kinds.ts';
import { describe, idAs, loosely, readMetadata } from './metadata.ts';
import { nearest } from './near.ts';
import { nodeSchema, readNode } from './node.ts';
import type { ClusterObject, Metadata } from './objects.ts';
import { readPeerAuthentication } from './peer-authentication.ts';
import { podSchema, readPod } from './pod.ts';
import * as policySchemas from './policy-schemas.ts';
import { standInFor, type StandIn } from './policy-stand-in.ts';
import { readServiceEntry, serviceEntryFindings, serviceEntrySchema } from './service-entry.ts';
import { notExported, readServiceExport, serviceExportSchema } from './service-export.ts';
import { readService, serviceSchema, withoutEffect } from './service.ts';
import { unknownFields, unknownFieldSentence } from './unknown-fields.ts';
import { readWorkloadEntry, workloadEntrySchema } from './workload-entry.ts';
import { withoutNulls } from './without-nulls.ts';
import { writtenWorkloadFindings } from './written-workload.ts';

/** An object that was read, with what of it is not applied; or one whose kind Isthmus does not use. */
export type Decoded =
  | {
      readonly kind: 'object';
      readonly what: string;
      readonly object: ClusterObject;
      readonly findings: readonly Finding[];
    }
  | { readonly kind: 'skipped'; readonly what: string; readonly apiVersion: string }
  /** It is not an object of Kubernetes, but, say, the values of a Helm chart. */
  | { readonly kind: 'foreign' };

/** Why an object is refused. */
export interface Refusal extends Finding {
  /** `<kind> <namespace>/<name>`, as far as the object has them. */
  readonly object: string;
  /** Undefined when it cannot be read. A caller that has a good form of that object may keep it. */
  readonly id: string | undefined;
  /** Of a security policy: what is in force where there is no good form of it; undefined: it would deny nothing. */
  readonly standIn: StandIn | 'NO_NAMESPACE' | undefined;
}

type Unread = Omit<Refusal, 'standIn'>;

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

/** The refusal of an object for what its text has and its value has not: a key that is written twice. */
export function refuseObject(foreign: unknown, finding: Finding): Refusal {
  const raw = readable(foreign);
  return {
    object: describe(raw),
    id: idAs(loosely(raw).kind, raw),
    code: finding.code,
    severity: finding.severity,
    field: finding.field,
    message: finding.message,
    standIn: isSecurityGroup(raw) ? standInFor(raw) : undefined,
  };
}

const isSecurityGroup = (raw: unknown): boolean => {
  const { apiVersion } = loosely(raw);
  return typeof apiVersion === 'string' && apiVersion.startsWith('security.istio.io/');
};

function decodeReadable(raw: unknown): Result<Decoded, Unread> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return noObject(raw);
  const { apiVersion, kind } = loosely(raw);
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return untyped(raw);
  const recognised = recognise(apiVersion, kind);
  if (recognised.is === 'other') return ok({ kind: 'skipped', what: describe(raw), apiVersion });
  if (recognised.is === 'misspelt') {
    const id = idAs(recognised.kind ?? kind, raw);
    // Nobody knows what it would have been.
    const known = recognised.kind === undefined ? undefined : id;
    return err({ object: describe(raw), id: known, ...misspelt(recognised) });
  }
  return decodeUsed(raw, kind, `${recognised.group}/${kind}`);
}

function decodeUsed(raw: unknown, kind: string, key: string): Result<Decoded, Unread> {
  const refusal = { object: describe(raw), id: idAs(kind, raw) };
  const metadata = readMetadata(kind, raw);
  if (!metadata.success) return err({ ...refusal, ...complaint(metadata.error, kind, raw) });
  const read = decoders[key]?.(raw, metadata.data);
  if (!read) throw new Error(`no decoder for ${key}`);
  if (!read.ok) return err({ ...refusal, ...complaint(read.error, kind, raw) });
  const { object, findings } = read.value;
  return ok({
    kind: 'object',
    what: refusal.object,
    object,
    findings: [...findings, ...unknownFields(kind, raw)],
  });
}

/** In the specs of security policies a null is refused, as a rule that was only begun must not match everything. */
function readable(foreign: unknown): unknown {
  const { kind, metadata } = loosely(foreign);
  return typeof kind === 'string' && securityKinds.has(kind)
    ? { ...loosely(foreign), metadata: withoutNulls(metadata) }
    : withoutNulls(foreign);
}

const securityKinds = new Set(['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication']);

/** Text where an object should be is a mistake; a list of other things is a file for another program. */
function noObject(foreign: unknown): Result<Decoded, Unread> {
  const listed = Array.isArray(foreign) && foreign.some((one) => looksLikeObject(loosely(one)));
  if (Array.isArray(foreign) && !listed) return ok({ kind: 'foreign' });
  const message = listed
    ? 'is a list of objects: write them as documents, or as the items of a List'
    : 'is not an object: a manifest is a map with apiVersion, kind and metadata';
  return err({ object: '?', id: undefined, code: 'NO_OBJECT', severity: 'ERROR', field: '', message });
}

/** A map without a kind or an apiVersion: one that looks like an object all the same lacks it. */
function untyped(raw: unknown): Result<Decoded, Unread> {
  const loose = loosely(raw);
  if (!looksLikeObject(loose)) return ok({ kind: 'foreign' });
  const field = typeof loose.kind === 'string' ? 'apiVersion' : 'kind';
  const written = Object.keys(loose).find((key) => nearest(key, [field]) !== undefined && key !== field);
  return err({
    object: describe(raw),
    id: idAs(loose.kind, raw),
    code: 'MISSING_FIELD',
    severity: 'ERROR',
    field: written ?? field,
    message: written === undefined ? `${field} is required` : unknownFieldSentence(written, [field]),
  });
}

/** Two of the four fields that an object has: values of a Helm chart may have one of them. */
const looksLikeObject = ({ apiVersion, kind, metadata, spec }: ReturnType<typeof loosely>): boolean =>
  [typeof apiVersion, typeof kind].filter((type) => type === 'string').length +
    [metadata, spec].filter((part) => typeof part === 'object' && part !== null).length >=
  2;

function misspelt({ field, written, meant }: Extract<Recognised, { is: 'misspelt' }>): Finding {
  const code = field === 'kind' ? 'UNKNOWN_KIND' : 'UNKNOWN_API_VERSION';
  const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  const message = `unknown ${field} ${JSON.stringify(written.slice(0, 100))}${hint}`;
  return { code, severity: 'ERROR', field, message };
}

interface Read {
  readonly object: ClusterObject;
  readonly findings: readonly Finding[];
}

type Decode = (raw: unknown, metadata: Metadata) => Result<Read, z.ZodError>;

const whole = (object: ClusterObject): Read => ({ object, findings: [] });

/** By group and kind. */
const decoders: Readonly<Record<string, Decode>> = {
  '/Namespace': (_raw, metadata) => ok(whole({ kind: 'Namespace', metadata })),
  '/ServiceAccount': (_raw, metadata) => ok(whole({ kind: 'ServiceAccount', metadata })),
  '/Node': (raw, metadata) => through(nodeSchema, raw, (value) => whole(readNode(value, metadata))),
  '/Service': (raw, metadata) =>
    through(serviceSchema, raw, (value) => ({
      object: readService(value, metadata),
      findings: withoutEffect(value, metadata),
    })),
  '/Pod': (raw, metadata) => through(podSchema, raw, (value) => readPod(value, metadata)),
  'discovery.k8s.io/EndpointSlice': (raw, metadata) =>
    through(endpointSliceSchema, raw, (value) => whole(readSlice(value, metadata))),
  'security.istio.io/AuthorizationPolicy': (raw, metadata) =>
    through(policySchemas.authorizationPolicy, raw, (value) => decodeAuthorizationPolicy(value, metadata)),
  'security.istio.io/PeerAuthentication': (raw, metadata) =>
    through(policySchemas.peerAuthentication, raw, (value) => whole(readPeerAuthentication(value, metadata))),
  'multicluster.x-k8s.io/ServiceExport': (raw, metadata) =>
    through(serviceExportSchema, raw, (value) => ({
      object: readServiceExport(metadata),
      findings: notExported(value),
    })),
  'networking.istio.io/ServiceEntry': (raw, metadata) =>
    through(serviceEntrySchema, raw, (value) => ({
      object: readServiceEntry(value, metadata),
      findings: serviceEntryFindings(value, metadata),
    })),
  'networking.istio.io/WorkloadEntry': (raw, metadata) =>
    through(workloadEntrySchema, raw, (value) => ({
      object: readWorkloadEntry(value, metadata),
      findings: writtenWorkloadFindings(value.spec, 'spec.'),
    })),
  'gateway.networking.k8s.io/Gateway': (raw, metadata) =>
    through(gatewaySchema, raw, (value) => ({
      object: readGateway(value, metadata),
      findings: gatewayFindings(value, metadata),
    })),
  'gateway.networking.k8s.io/GatewayClass': (raw, metadata) =>
    through(gatewayClassSchema, raw, (value) => whole(readGatewayClass(value, metadata))),
};

function through<S extends z.ZodType>(
  schema: S,
  raw: unknown,
  read: (value: z.infer<S>) => Read,
): Result<Read, z.ZodError> {
  const parsed = schema.safeParse(raw);
  return parsed.success ? ok(read(parsed.data)) : err(parsed.error);
}
