import { equals } from '../keys/equals.ts';
import { serviceKeyOf, type Ref } from '../keys/names.ts';
import { localService, remotesInUse } from '../translate/distribution.ts';
import type { HubQueries, Outputs } from '../translate/world.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { writtenKinds } from './written-kinds.ts';
import { ownLabels, type Current, type Statement, type Target, type Write } from './written-object.ts';

/** What ServiceImports rest on. */
export interface ImportWorld {
  readonly cluster: string;
  readonly view: ClusterView;
  readonly hub: HubQueries;
  readonly derived: Pick<Outputs, 'snapshot'>;
}

/** A service of the federation that this cluster may use (KEP-1645). */
export interface ServiceImport {
  readonly spec: {
    readonly type: 'ClusterSetIP' | 'Headless';
    readonly ports: readonly object[];
    readonly ips: readonly string[];
    readonly sessionAffinity: 'None';
  };
  /** That export it, sorted. */
  readonly clusters: readonly string[];
}

/**
 * The ServiceImport of a name; undefined: this cluster has nothing to import, or no namespace to put it into. It says what
 * proxies do: ports and addresses are those of the cluster's own Service where it has one, else ports of the first exporting
 * cluster by name and the reserved address.
 */
export function serviceImport(ref: Ref, world: ImportWorld): ServiceImport | undefined {
  const { view, hub, derived } = world;
  const key = serviceKeyOf(ref);
  const remotes = remotesInUse(world, key);
  const local = localService(view, key);
  const isExported = local !== undefined && hub.grantOf(key) !== undefined;
  if ((remotes.length === 0 && !isExported) || !view.namespace(ref.namespace)) return undefined;
  const isHeadless = local?.headless === true;
  const addresses = derived.snapshot.services.get(key)?.addresses ?? [];
  return {
    spec: {
      type: isHeadless ? 'Headless' : 'ClusterSetIP',
      ports: (local?.ports ?? remotes[0]?.ports ?? []).map(portOf),
      ips: isHeadless ? [] : addresses.map(({ address }) => address).slice(0, maxAddresses),
      sessionAffinity: 'None',
    },
    clusters: [...remotes.map(({ cluster }) => cluster), ...(isExported ? [world.cluster] : [])].sort(),
  };
}

/** One of each family. */
const maxAddresses = 2;

const portOf = (port: {
  readonly name: string;
  readonly port: number;
  readonly appProtocol: string;
}): object => ({
  ...(port.name !== '' && { name: port.name }),
  protocol: 'TCP',
  port: port.port,
  ...(port.appProtocol !== '' && { appProtocol: port.appProtocol }),
});

/** Those of others are neither changed nor removed. */
export const isOwn = ({ labels }: Pick<Current, 'labels'>): boolean =>
  Object.entries(ownLabels).every(([name, value]) => labels[name] === value);

/** What makes the API have the ServiceImport that is wanted, or none of the agent's. */
export const importStatement = (target: Target, wanted: ServiceImport | undefined): Statement => ({
  ...writtenKinds.ServiceImport,
  writes(current, version) {
    if (current && !isOwn(current)) return [];
    if (!wanted) return current ? [{ how: 'REMOVE' }] : [];
    return importWrites(target, wanted, current, version);
  },
});

function importWrites(
  { namespace, name }: Target,
  { spec: full, clusters }: ServiceImport,
  current: Current | undefined,
  version: string,
): readonly Write[] {
  // The definition of v1alpha1 takes one address in its older releases.
  const spec = version === 'v1alpha1' ? { ...full, ips: full.ips.slice(0, 1) } : full;
  const status = { clusters: clusters.map((cluster) => ({ cluster })) };
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
