import { z } from 'zod';
import { objectId, type Metadata } from './objects.ts';
import { readCreation } from './precedence.ts';
import { dnsLabel, labels, subdomain } from './shapes.ts';

const clusterScoped = new Set(['Namespace', 'Node', 'GatewayClass']);
/** Kinds whose names become parts of host names. */
const labelNamed = new Set(['Namespace', 'Service', 'ServiceExport']);

const schema = (kind: string) =>
  z.looseObject({
    metadata: z.looseObject({
      name: labelNamed.has(kind) ? dnsLabel : subdomain,
      namespace: dnsLabel.optional(),
      uid: z.string().max(100).optional(),
      labels,
      annotations: z.record(z.string().max(317), z.string().max(262_144)).optional(),
      creationTimestamp: z.unknown().optional(),
      generation: z.unknown().optional(),
      deletionTimestamp: z.string().optional(),
    }),
  });

const schemas = new Map<string, ReturnType<typeof schema>>();

/** The metadata of an object of a kind; the error names the field. */
export function readMetadata(
  kind: string,
  raw: unknown,
):
  | { readonly success: true; readonly data: Metadata }
  | { readonly success: false; readonly error: z.ZodError } {
  const known = schemas.get(kind) ?? schema(kind);
  schemas.set(kind, known);
  const parsed = known.safeParse(raw);
  if (!parsed.success) return { success: false, error: parsed.error };
  const { metadata } = parsed.data;
  const namespace = clusterScoped.has(kind) ? '' : (metadata.namespace ?? 'default');
  const data: Metadata = {
    name: metadata.name,
    namespace,
    uid: metadata.uid ?? `${namespace}.${metadata.name}`,
    createdAt: readCreation(metadata.creationTimestamp),
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    ...generationOf(kind, metadata.generation),
  };
  return { success: true, data };
}

/** Kinds whose status names the edit that it is about. Of pods it would make a change of each of their updates. */
const withGeneration: ReadonlySet<string> = new Set([
  'AuthorizationPolicy',
  'PeerAuthentication',
  'ServiceExport',
]);

/** Nothing is refused for it: it is the API server that writes it. */
export const generationOf = (kind: string, written: unknown): { readonly generation?: number } =>
  withGeneration.has(kind) && typeof written === 'number' && Number.isSafeInteger(written)
    ? { generation: written }
    : {};

interface Loose {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown };
  readonly spec?: unknown;
}

/** Whatever it is, as an object whose fields may be anything. */
export const loosely = (raw: unknown): Loose =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? raw : {};

/** `<kind> <namespace>/<name>`, as far as the object says. */
export function describe(raw: unknown): string {
  const { kind, metadata } = loosely(raw);
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 100) : '?');
  const { name, namespace } = loosely(metadata) as { name?: unknown; namespace?: unknown };
  if (clusterScoped.has(text(kind))) return `${text(kind)} ${text(name)}`;
  return `${text(kind)} ${text(namespace ?? 'default')}/${text(name)}`;
}

/** The id under which an object of this kind would be held; undefined when its name cannot be read. */
export function idAs(kind: unknown, raw: unknown): string | undefined {
  const { name, namespace = 'default' } = loosely(loosely(raw).metadata) as {
    name?: unknown;
    namespace?: unknown;
  };
  if (typeof kind !== 'string' || typeof name !== 'string' || typeof namespace !== 'string') return undefined;
  return objectId(kind, { name, namespace: clusterScoped.has(kind) ? '' : namespace });
}
