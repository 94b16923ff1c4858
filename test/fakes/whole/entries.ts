import type {
  ServiceEntryObject,
  ServiceObject,
  WorkloadEntryObject,
  WrittenWorkload,
} from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence, compareText } from '@isthmus/api/kubernetes/precedence.ts';
import { canonicalOf } from '@isthmus/cluster-agent/translate/canonical.ts';
import { blank } from '@isthmus/cluster-agent/translate/workload-fields.ts';
import type { Scope, Service } from '@isthmus/mesh/records/service.ts';
import type { PortMapping, Workload } from '@isthmus/mesh/records/workload.ts';
import { networkOf, serviceKeyOf, type WholeInput } from './input.ts';
import { selects } from './view.ts';

/** Whatever serves outside of pods: WorkloadEntries that can be dialled, and what ServiceEntries have in themselves. */
export const entryWorkloads = (input: WholeInput): readonly Workload[] => [
  ...input.view
    .all('WorkloadEntry')
    .filter(({ workload }) => isDialled(workload))
    .map((entry) => entryWorkload(input, entry)),
  ...input.view.all('ServiceEntry').flatMap((entry) => endpointsIn(input, entry)),
];

const isDialled = ({ address, hostname }: WrittenWorkload): boolean => address !== '' || hostname !== '';

/** Hosts of ServiceEntries, with the entry that says what serves each. */
export function hostsOf({ view }: WholeInput): ReadonlyMap<string, ServiceEntryObject> {
  const found = new Map<string, ServiceEntryObject>();
  const services = new Set(
    view
      .all('Service')
      .filter(({ type }) => type !== 'ExternalName')
      .map(({ metadata }) => serviceKeyOf(metadata)),
  );
  for (const entry of [...view.all('ServiceEntry')].sort(byPrecedence))
    for (const host of entry.hosts) {
      const key = `${entry.metadata.namespace}/${host}`;
      if (!services.has(key) && !found.has(key)) found.set(key, entry);
    }
  return found;
}

/** Hosts of entries that select what has these labels, with the entry of each. */
export const hostsSelecting = (
  input: WholeInput,
  namespace: string,
  labels: Record<string, string>,
): readonly (readonly [string, ServiceEntryObject])[] =>
  [...hostsOf(input)].filter(
    ([, { metadata, selector }]) =>
      metadata.namespace === namespace && Object.keys(selector).length > 0 && selects(selector, labels),
  );

function entryWorkload(
  input: WholeInput,
  { metadata, workload, hbone, healthy }: WorkloadEntryObject,
): Workload {
  const { namespace, name } = metadata;
  const services = input.view
    .all('Service')
    .filter((service) => isSelected(service, namespace, workload.labels))
    .map((service): [string, readonly PortMapping[]] => [
      serviceKeyOf(service.metadata),
      portsOf(service, workload.ports),
    ]);
  const hosts = hostsSelecting(input, namespace, workload.labels).map(
    ([key, entry]): [string, readonly PortMapping[]] => [key, portsOfHost(entry, workload)],
  );
  const uid = `${input.cluster}/networking.istio.io/WorkloadEntry/${namespace}/${name}`;
  return writtenAs(input, workload, { uid, metadata, hbone, healthy, services: [...services, ...hosts] });
}

function endpointsIn(input: WholeInput, entry: ServiceEntryObject): readonly Workload[] {
  const { metadata, endpoints, resolution, selector, hbone } = entry;
  const { namespace, name } = metadata;
  const hosts = [...hostsOf(input)].filter(([, one]) => one === entry).map(([key]) => key);
  const isImplied = resolution === 'DNS' && endpoints.length === 0 && Object.keys(selector).length === 0;
  const all = isImplied
    ? hosts
        .map((key) => ({ written: { ...nothing, hostname: key.slice(namespace.length + 1) }, keys: [key] }))
        .filter(({ written }) => !written.hostname.startsWith('*'))
    : endpoints.filter(isDialled).map((written) => ({ written, keys: hosts }));
  return all.map(({ written, keys }) => {
    const uid = `${input.cluster}/networking.istio.io/ServiceEntry/${namespace}/${name}/${written.address || written.hostname}`;
    const services = keys.map((key): [string, readonly PortMapping[]] => [key, portsOfHost(entry, written)]);
    return writtenAs(input, written, { uid, metadata, hbone, healthy: true, services });
  });
}

const nothing: WrittenWorkload = {
  address: '',
  hostname: '',
  labels: {},
  network: '',
  locality: { region: '', zone: '', subzone: '' },
  weight: 1,
  serviceAccount: '',
  ports: new Map(),
};

const portsOfHost = ({ ports }: ServiceEntryObject, written: WrittenWorkload): readonly PortMapping[] =>
  ports.map(({ name, port, targetPort }) => ({
    servicePort: port,
    targetPort: written.ports.get(name) ?? targetPort,
  }));

interface Said {
  readonly uid: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly hbone: boolean;
  readonly healthy: boolean;
  readonly services: readonly (readonly [string, readonly PortMapping[]])[];
}

function writtenAs(input: WholeInput, workload: WrittenWorkload, said: Said): Workload {
  const { namespace, name } = said.metadata;
  const services = said.services
    .filter(([, ports]) => ports.length > 0)
    .sort(([a], [b]) => compareText(a, b));
  return {
    ...blank,
    uid: said.uid,
    name,
    namespace,
    addresses: workload.address === '' ? [] : [workload.address],
    hostname: workload.hostname,
    network: workload.network === '' ? networkOf(input) : workload.network,
    hostNetwork: workload.network !== '' && workload.network !== networkOf(input),
    cluster: input.cluster,
    locality: workload.locality,
    trustDomain: input.trustDomain,
    serviceAccount: workload.serviceAccount === '' ? 'default' : workload.serviceAccount,
    ...canonicalOf({ metadata: { labels: workload.labels }, workloadName: name }),
    workloadName: name,
    status: said.healthy ? 'HEALTHY' : 'UNHEALTHY',
    capacity: 1000 * workload.weight,
    services: new Map(services),
    transport: said.hbone ? 'hbone' : 'plaintext',
  };
}

/** The hosts as services. */
export const hostServices = (input: WholeInput): readonly Service[] =>
  [...hostsOf(input)].map(([key, entry]) => {
    const { metadata, resolution } = entry;
    const isPassed = resolution === 'NONE';
    const network = networkOf(input);
    return {
      key,
      name: metadata.name,
      namespace: metadata.namespace,
      hostname: key.slice(metadata.namespace.length + 1),
      ports: entry.ports.map(({ port, targetPort }) => ({ servicePort: port, targetPort })),
      addresses: input.reserved ? entry.addresses.map((one) => ({ network, ...one })) : [],
      subjectAltNames: entry.subjectAltNames,
      waypoint: undefined,
      ...preferenceOf(input, entry),
      healthPolicy: isPassed ? 'ALLOW_ALL' : 'ONLY_HEALTHY',
      canonical: false,
      visibility: entry.visibility,
      ipFamilies: 'AUTOMATIC',
      exported: false,
      grantedClusters: [],
      leftClusters: [],
      inClusterset: false,
    };
  });

function preferenceOf(
  { view }: WholeInput,
  { resolution, metadata }: ServiceEntryObject,
): Pick<Service, 'routingPreference' | 'mode'> {
  const word = 'networking.istio.io/traffic-distribution';
  if (resolution === 'NONE') return { routingPreference: [], mode: 'PASSTHROUGH' };
  const written =
    metadata.annotations[word] || view.namespace(metadata.namespace)?.metadata.annotations[word] || '';
  const close: readonly Scope[] = ['NETWORK', 'REGION', 'ZONE'];
  if (written === 'PreferClose') return { routingPreference: close, mode: 'FAILOVER' };
  if (written === 'PreferSameNode')
    return { routingPreference: [...close, 'SUBZONE', 'NODE'], mode: 'FAILOVER' };
  return { routingPreference: [], mode: 'UNSPECIFIED' };
}

const isSelected = (service: ServiceObject, namespace: string, labels: Record<string, string>): boolean =>
  service.metadata.namespace === namespace &&
  Object.keys(service.selector).length > 0 &&
  selects(service.selector, labels);

const portsOf = ({ ports }: ServiceObject, named: ReadonlyMap<string, number>): readonly PortMapping[] =>
  ports.flatMap(({ port, targetPort }) => {
    const target = typeof targetPort === 'number' ? targetPort : named.get(targetPort);
    return target === undefined ? [] : [{ servicePort: port, targetPort: target }];
  });

/** Those behind a service that proxies of this cluster can dial. */
export const entriesBehind = (input: WholeInput, key: string): readonly Workload[] =>
  entryWorkloads(input).filter(
    ({ services, addresses, network }) =>
      services.has(key) && addresses.length > 0 && network === networkOf(input),
  );
