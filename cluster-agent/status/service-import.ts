import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';
import { serviceKeyOf, type Ref } from '../keys/names.ts';
import { localService, remotesInUse } from '../translate/distribution.ts';
import { exportersOf } from '../translate/exporters.ts';
import { mergedExport, type MergedExport, type MergedPort } from '../translate/merged-export.ts';
import type { HubQueries, Outputs } from '../translate/world.ts';
import type { ClusterView } from '../view/cluster-view.ts';

/** What ServiceImports rest on. */
export interface ImportWorld {
  readonly cluster: string;
  readonly view: ClusterView;
  readonly hub: HubQueries;
  readonly derived: Pick<Outputs, 'snapshot'>;
}

/** A service of the federation that this cluster may use (KEP-1645). */
export interface ServiceImport {
  readonly spec: ImportSpec;
  /** That export it, sorted. */
  readonly clusters: readonly string[];
  /** The condition. */
  readonly ready: Wanted;
}

/** As the API has it. A field that is undefined is not there. */
export interface ImportSpec {
  readonly type: 'ClusterSetIP' | 'Headless';
  readonly ports: readonly object[];
  readonly ips: readonly string[];
  readonly ipFamilies: readonly ('IPv4' | 'IPv6')[];
  readonly sessionAffinity: 'None' | 'ClientIP';
  readonly sessionAffinityConfig: object | undefined;
  readonly internalTrafficPolicy: 'Cluster' | 'Local' | undefined;
  readonly trafficDistribution: string | undefined;
}

/**
 * The ServiceImport of a name; undefined: no cluster exports it, or this one has no namespace to put it into. It has the ports
 * of all exports, and the properties of the oldest. Its addresses are those at which proxies of this cluster take it.
 */
export function serviceImport(ref: Ref, world: ImportWorld): ServiceImport | undefined {
  const { view, hub, derived } = world;
  const key = serviceKeyOf(ref);
  const exporters = exportersOf(key, world);
  if (exporters.length === 0 || !view.namespace(ref.namespace)) return undefined;
  const merged = mergedExport(exporters);
  const own = localService(view, key);
  const isHeadless = merged.properties?.headless ?? own?.headless === true;
  const isUsed = remotesInUse(world, key).length > 0 || (own !== undefined && hub.grantOf(key) !== undefined);
  const found = isHeadless || !isUsed ? [] : (derived.snapshot.services.get(key)?.addresses ?? []);
  const ips = found.map(({ address }) => address).slice(0, maxAddresses);
  return {
    spec: specOf(merged, isHeadless, ips),
    clusters: exporters.map(({ cluster }) => cluster).sort(),
    ready: readyOf({ merged, isHeadless, isUsed, ips, isOwnHeadless: own?.headless === true }),
  };
}

/** One of each family. */
const maxAddresses = 2;

const specOf = (
  { ports, properties }: MergedExport,
  isHeadless: boolean,
  ips: readonly string[],
): ImportSpec => ({
  type: isHeadless ? 'Headless' : 'ClusterSetIP',
  ports: ports.map(portOf),
  ips,
  ipFamilies: ips.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4')),
  sessionAffinity: affinityOf(properties) === 0 ? 'None' : 'ClientIP',
  sessionAffinityConfig:
    affinityOf(properties) === 0 ? undefined : { clientIP: { timeoutSeconds: affinityOf(properties) } },
  internalTrafficPolicy: properties?.internalTrafficPolicy,
  trafficDistribution: properties?.trafficDistribution || undefined,
});

const affinityOf = (properties: GlobalProperties | undefined): number => properties?.affinitySeconds ?? 0;

const portOf = ({ name, port, protocol, appProtocol }: MergedPort): object => ({
  ...(name !== '' && { name }),
  protocol,
  port,
  ...(appProtocol !== '' && { appProtocol }),
});

interface Reached {
  readonly merged: MergedExport;
  readonly isHeadless: boolean;
  /** Proxies of this cluster know it under its name. */
  readonly isUsed: boolean;
  readonly ips: readonly string[];
  readonly isOwnHeadless: boolean;
}

/** Whether callers in this cluster reach it, and what of what is declared the mesh does not do. Reasons are the KEP's. */
function readyOf(reached: Reached): Wanted {
  const failure = failureOf(reached);
  if (failure !== undefined) return { type: 'Ready', status: 'False', reason: 'Pending', message: failure };
  const where = reached.isHeadless
    ? 'it is headless, so it has no address'
    : 'proxies of this cluster take it at its addresses';
  return {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: [where, ...notKept(reached.merged)].join('; '),
  };
}

function failureOf({ isUsed, isHeadless, ips, isOwnHeadless }: Reached): string | undefined {
  if (!isUsed)
    return 'this cluster has a Service or a ServiceEntry of that name which it does not export, and the name leads there alone: export the Service, or give it another name';
  if (isHeadless || ips.length > 0) return undefined;
  return isOwnHeadless
    ? "this cluster's own Service of that name is headless, so there is no address: give it a ClusterIP, as the oldest export has"
    : 'it has no address of the reserved range yet';
}

/** What exporters declare and proxies do not do. */
const notKept = ({ ports, properties }: MergedExport): readonly string[] => [
  ...(ports.some(({ protocol }) => protocol !== 'TCP')
    ? ['its ports of UDP and SCTP are as declared, and the mesh does not carry them']
    : []),
  ...(affinityOf(properties) > 0 ? ['its session affinity is as declared, and proxies do not keep it'] : []),
];
