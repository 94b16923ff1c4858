import { equals } from '../keys/equals.ts';
import { mergedConditions } from './condition-list.ts';
import type { ImportSpec, ServiceImport } from './service-import.ts';
import { writtenKinds } from './written-kinds.ts';
import { ownLabels, type Current, type Statement, type Target, type Write } from './written-object.ts';

/** Those of others are neither changed nor removed. */
export const isOwn = ({ labels }: Pick<Current, 'labels'>): boolean =>
  Object.entries(ownLabels).every(([name, value]) => labels[name] === value);

/** What makes the API have the ServiceImport that is wanted, or none of the agent's. `now`: epoch milliseconds. */
export const importStatement = (
  target: Target,
  wanted: ServiceImport | undefined,
  now: number,
): Statement => ({
  ...writtenKinds.ServiceImport,
  writes(current, version) {
    if (current && !isOwn(current)) return [];
    if (!wanted) return current ? [{ how: 'REMOVE' }] : [];
    return importWrites(target, formOf(wanted, current, version, now), current);
  },
});

/** A ServiceImport in the form of one version of its kind. */
interface Form {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status: Readonly<Record<string, unknown>>;
}

/** Server-side apply takes only fields that the definition has. */
function formOf(
  { spec, clusters, ready }: ServiceImport,
  current: Current | undefined,
  version: string,
  now: number,
): Form {
  const status = { clusters: clusters.map((cluster) => ({ cluster })) };
  if (version === 'v1alpha1') return { spec: firstForm(spec), status };
  const before = current?.conditions ?? [];
  const generation = current?.generation;
  const conditions = mergedConditions(before, [ready], { generation, now }) ?? before;
  return { spec: { ...spec }, status: { ...status, conditions } };
}

/** Definitions of v1alpha1 had these fields from the first release on, and one address. */
const firstForm = ({ type, ports, ips, sessionAffinity, sessionAffinityConfig }: ImportSpec) => ({
  type,
  ports,
  ips: ips.slice(0, 1),
  sessionAffinity,
  sessionAffinityConfig,
});

function importWrites(
  { namespace, name }: Target,
  { spec, status }: Form,
  current: Current | undefined,
): readonly Write[] {
  const writes: Write[] = [];
  if (!current || !has(current.raw['spec'], spec)) {
    const object = { metadata: { namespace, name, labels: ownLabels }, spec, status };
    writes.push({ how: 'APPLY', subresource: '', object });
  }
  if (!current || !has(current.raw['status'], status))
    writes.push({
      how: 'APPLY',
      subresource: 'status',
      object: { metadata: { namespace, name }, status },
      // Without that subresource the status was taken with the object.
      mayBeMissing: true,
    });
  return writes;
}

/** Whether a part of an object in the API has all that is said here. An empty list counts as none. */
function has(part: unknown, said: Readonly<Record<string, unknown>>): boolean {
  const fields: Readonly<Record<string, unknown>> =
    typeof part === 'object' && part !== null ? (part as Readonly<Record<string, unknown>>) : {};
  return Object.entries(said).every(([field, value]) =>
    equals(fields[field] ?? (Array.isArray(value) ? [] : undefined), value),
  );
}
