import type { ExportGrant, RemoteService } from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { NamespaceObject, ServiceEntryObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { hostnameOf, serviceKeyOf, type Ref, type ServiceKey } from '../keys/names.ts';
import { grantedClusters } from '../view/granted-clusters.ts';
import { keysOf } from '../view/service-entries.ts';
import type { Derivation } from './derivation.ts';
import { entryService, type EntryHost } from './entry-service.ts';
import { networkOf } from './network.ts';
import { remotePorts } from './remote-ports.ts';
import { localService, remotesInUse, servicesOfResource, type Distribution } from './distribution.ts';
import { anywhere, distributionPreference, type Preference } from './traffic-distribution.ts';
import type { SharedAddresses, World } from './world.ts';

interface ServiceInputs {
  readonly key: ServiceKey;
  readonly ref: Ref;
  readonly local: ServiceObject | undefined;
  readonly namespace: NamespaceObject | undefined;
  readonly remotes: readonly RemoteService[];
  readonly grant: ExportGrant | undefined;
  /** In order. */
  readonly grantedClusters: readonly string[];
  readonly policy: TrafficPolicy | undefined;
  readonly distribution: Distribution | undefined;
  /** Those that all proxies have alike; none where each has its own. */
  readonly addresses: readonly string[];
  /** In which they are; '' without any. */
  readonly network: string;
}

type Inputs = ServiceInputs | EntryHost;

/** Every service that this cluster has or may use, with the addresses that all proxies have alike. */
export const service: Derivation<ServiceKey, Inputs, Service> = {
  name: 'service',
  reads: new Set([
    ...(['service', 'entryHost', 'namespace', 'remotes', 'hub'] as const),
    ...(['distribution', 'addresses', 'network'] as const),
  ]),
  keys: allServices,
  wakes(touched, forms, world) {
    switch (touched.kind) {
      case 'service':
      case 'entryHost':
      case 'remotes':
      case 'distribution':
      case 'addresses':
        return [touched.service];
      case 'namespace':
        return servicesIn(touched.namespace, world);
      case 'network':
        return world.facts.shared ? allServices(world) : [];
      case 'hub':
        // Of a traffic shift what matters is in the distribution.
        if (touched.type === 'diversion') return [];
        if (touched.type === 'member') return world.hub.grantedToMembers();
        return servicesOfResource(touched, forms, world);
      default:
        return [];
    }
  },
  inputs(key, world) {
    const { view, hub, facts, derived } = world;
    const entry = view.serviceEntries.at(key);
    if (entry) return hostOf(key, entry, world);
    const local = localService(view, key);
    const remotes = remotesInUse(world, key);
    const grant = hub.grantOf(key);
    const from = local?.metadata ?? remotes[0];
    if (!from) return undefined;
    const addresses = facts.shared ? sharedBy(facts.shared, key, local, view) : none;
    return {
      key,
      ref: from,
      local,
      namespace: local && view.namespace(local.metadata.namespace),
      remotes,
      grant,
      grantedClusters: grantedClusters(hub, facts.cluster, grant),
      policy: hub.trafficOf(key),
      distribution: derived.distribution(key),
      addresses,
      network: addresses.length > 0 ? networkOf(view) : '',
    };
  },
  derive: (inputs) => ('entry' in inputs ? entryService(inputs) : serviceOf(inputs)),
  records: (name, record) => [{ part: 'services', name, record }],
};

function* allServices({ view, hub }: World): Iterable<ServiceKey> {
  for (const { metadata } of view.all('Service')) yield serviceKeyOf(metadata);
  for (const entry of view.all('ServiceEntry')) yield* keysOf(entry);
  yield* hub.remoteServices();
}

const hostOf = (key: ServiceKey, entry: ServiceEntryObject, { view, facts }: World): EntryHost => ({
  key,
  entry,
  namespace: view.namespace(entry.metadata.namespace),
  network: facts.shared && networkOf(view),
});

const none: readonly string[] = [];

/** A service of the cluster is called at its ClusterIPs, of both families; a headless one is its endpoints. */
const sharedBy = (
  shared: SharedAddresses,
  key: ServiceKey,
  local: ServiceObject | undefined,
  view: World['view'],
): readonly string[] => (local ? view.clusterIPsOf(local) : shared.reserved(key));

function* servicesIn(namespace: string, { view }: World): Iterable<ServiceKey> {
  for (const { metadata } of view.servicesIn(namespace)) yield serviceKeyOf(metadata);
  for (const entry of view.serviceEntries.inNamespace(namespace)) yield* keysOf(entry);
}

function serviceOf(inputs: ServiceInputs): Service {
  const { key, ref, local, remotes, grant, distribution } = inputs;
  return {
    key,
    name: ref.name,
    namespace: ref.namespace,
    hostname: hostnameOf(ref),
    ports: portsOf(inputs),
    addresses: inputs.addresses.map((address) => ({ network: inputs.network, address, prefix: undefined })),
    // Only of remote endpoints: at a local one the workload's own identity is expected.
    subjectAltNames: [...new Set(remotes.flatMap(({ subjectAltNames }) => subjectAltNames))].sort(),
    waypoint: undefined,
    ...preferenceOf(inputs),
    healthPolicy: local?.publishNotReadyAddresses ? 'ALLOW_ALL' : 'ONLY_HEALTHY',
    canonical: true,
    visibility: 'PUBLIC',
    ipFamilies: local?.ipFamilies ?? 'AUTOMATIC',
    exported: grant !== undefined,
    grantedClusters: inputs.grantedClusters,
    leftClusters: distribution?.left ?? [],
    inClusterset: remotes.length > 0 || grant !== undefined,
  };
}

const portsOf = ({ local, remotes }: ServiceInputs): Service['ports'] =>
  local
    ? local.ports.map(({ port, targetPort }) => ({
        servicePort: port,
        targetPort: typeof targetPort === 'number' ? targetPort : 0,
      }))
    : remotePorts(remotes);

function preferenceOf({ local, namespace, policy, distribution }: ServiceInputs): Preference {
  if (distribution?.byShares) return anywhere;
  if (policy && policy.localityOrder.length > 0)
    return { routingPreference: policy.localityOrder, mode: 'FAILOVER' };
  if (local?.internalTrafficPolicy === 'Local') return { routingPreference: ['NODE'], mode: 'STRICT' };
  return local ? distributionPreference(local, namespace) : anywhere;
}
