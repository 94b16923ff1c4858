import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Scope, Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { endpointGroups } from './endpoints.ts';
import { entryWorkloads, hostServices, hostsOf } from './entries.ts';
import { hostnameOf, networkOf, serviceKeyOf, type WholeInput } from './input.ts';
import { grantedClusters } from '@isthmus/cluster-agent/view/granted-clusters.ts';
import { byCluster } from '@isthmus/cluster-agent/translate/in-order.ts';
import { policies } from './policies.ts';
import { distribute, networkGateways, splitHorizon, type Distribution } from './remote.ts';
import { sliceWorkloads } from './slices.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import { trafficDistributionOf } from '@isthmus/cluster-agent/translate/traffic-distribution.ts';
import { podWorkloads } from './workloads.ts';

/**
 * The state of proxies from all of the cluster's objects and the hub's resources, as an agent made it before it followed
 * changes: it looks at everything for everything, and is what the incremental one has to equal.
 */
export function wholeTranslation(given: WholeInput): ClusterSnapshot {
  const services = localServices(given);
  const input = withoutNamesakes(given, services);
  const remoteOnly = [...input.hub.remotes.values()]
    .filter((one) => !services.has(serviceKeyOf(one)))
    .sort(byCluster);
  const keys = new Set([...services.keys(), ...remoteOnly.map(serviceKeyOf)]);
  const distributions = new Map(
    [...keys].map((key) => [key, distribute(input, key, endpointGroups(input, services.get(key)))]),
  );
  const entries = [...distributions.values()].flatMap((one) => splitHorizon(input, one));
  const inForce = policies(input);
  const local = [...podWorkloads(input, inForce), ...sliceWorkloads(input), ...entryWorkloads(input)];
  const known = [...local, ...entries, ...networkGateways(input)];
  const workloads = new Map(known.map((one) => [one.uid, one]));
  const all = [...keys].map((key) =>
    serviceOf(input, key, services.get(key), remoteOnly, distributions.get(key)),
  );
  return {
    workloads,
    services: new Map([...all, ...hostServices(input)].map((service) => [service.key, service])),
    withdrawn: withdrawnOf(local, distributions),
    authorizations: inForce.authorizations,
    bundles: input.hub.bundles,
    intermediates: input.hub.intermediates,
  };
}

/**
 * A service of this cluster is one with its namesakes elsewhere only where it is exported itself, which its grant shows:
 * else local stays local. The hub sends namesakes all the same.
 */
function withoutNamesakes(input: WholeInput, services: ReadonlyMap<string, ServiceObject>): WholeInput {
  const { remotes, grants } = input.hub;
  const hosts = hostsOf(input);
  const isOurs = (one: RemoteService) =>
    !hosts.has(serviceKeyOf(one)) &&
    (!services.has(serviceKeyOf(one)) || grants.has(`${one.namespace}/${one.name}`));
  return { ...input, hub: { ...input.hub, remotes: new Map([...remotes].filter(([, one]) => isOurs(one))) } };
}

const localServices = ({ view }: WholeInput): Map<string, ServiceObject> =>
  new Map(
    view
      .all('Service')
      .filter(({ type }) => type !== 'ExternalName')
      .map((service) => [serviceKeyOf(service.metadata), service]),
  );

function withdrawnOf(
  local: readonly Workload[],
  distributions: ReadonlyMap<string, Distribution>,
): Map<string, ReadonlySet<string>> {
  const leaving = (workload: Workload) =>
    [...workload.services.keys()].filter((key) => distributions.get(key)?.withdrawLocal);
  return new Map(
    local
      .map((one): [string, ReadonlySet<string>] => [one.uid, new Set(leaving(one))])
      .filter(([, keys]) => keys.size > 0),
  );
}

function serviceOf(
  input: WholeInput,
  key: string,
  local: ServiceObject | undefined,
  remoteOnly: readonly RemoteService[],
  distribution: Distribution | undefined,
): Service {
  const remote = remoteOnly.find((one) => serviceKeyOf(one) === key);
  const ref = local?.metadata ?? remote ?? { namespace: '', name: '' };
  const ports = local
    ? local.ports.map(({ port, targetPort }) => ({
        servicePort: port,
        targetPort: typeof targetPort === 'number' ? targetPort : 0,
      }))
    : portsElsewhere(remoteOnly.filter((one) => serviceKeyOf(one) === key));
  const grant = input.hub.grants.get(`${ref.namespace}/${ref.name}`);
  const others = [...input.hub.remotes.values()].filter((one) => serviceKeyOf(one) === key);
  const elsewhere = others.flatMap(({ subjectAltNames }) => subjectAltNames);
  return {
    key,
    name: ref.name,
    namespace: ref.namespace,
    hostname: hostnameOf(ref),
    ports,
    addresses: addressesOf(input, key, local),
    // Only of remote endpoints: at a local one the workload's own identity is expected.
    subjectAltNames: [...new Set(elsewhere)].sort(),
    waypoint: undefined,
    ...preferenceOf(input, key, local, distribution),
    healthPolicy: local?.publishNotReadyAddresses ? 'ALLOW_ALL' : 'ONLY_HEALTHY',
    canonical: true,
    visibility: 'PUBLIC',
    ipFamilies: local?.ipFamilies ?? 'AUTOMATIC',
    exported: grant !== undefined,
    grantedClusters: grantedClusters(input.hub, input.cluster, grant),
    leftClusters: distribution?.left ?? [],
    inClusterset: others.length > 0 || grant !== undefined,
  };
}

/** The ports of all exports, the oldest first; of two with one name or number the first. */
function portsElsewhere(remotes: readonly RemoteService[]): Service['ports'] {
  const age = (one: RemoteService) => one.properties?.exportedAt ?? Infinity;
  const byAge = [...remotes].sort((a, b) =>
    age(a) === age(b) ? (a.cluster < b.cluster ? -1 : 1) : age(a) - age(b),
  );
  const all = byAge.flatMap(({ ports, properties }) => [
    ...ports.map((one) => ({ ...one, protocol: 'TCP' })),
    ...(properties?.otherPorts ?? []),
  ]);
  const taken: typeof all = [];
  for (const one of all) {
    const isTaken = taken.some(
      ({ name, port, protocol }) => name === one.name || (port === one.port && protocol === one.protocol),
    );
    if (!isTaken) taken.push(one);
  }
  return taken
    .filter(({ protocol }) => protocol === 'TCP')
    .map(({ port }) => {
      const each = byAge.map(({ ports }) => ports.find((one) => one.port === port));
      return { servicePort: port, targetPort: each.every((one) => one) ? (each[0]?.targetPort ?? 0) : 0 };
    });
}

/** Of several services that say one ClusterIP the last one made has it, or of the same second the one of the greatest key. */
function addressesOf(input: WholeInput, key: string, local: ServiceObject | undefined): Service['addresses'] {
  if (!input.reserved) return [];
  const age = ({ metadata }: ServiceObject) => metadata.createdAt;
  const isOlder = (one: ServiceObject, other: ServiceObject) =>
    age(one) < age(other) ||
    (age(one) === age(other) && serviceKeyOf(one.metadata) < serviceKeyOf(other.metadata));
  const others = input.view.all('Service');
  const ips = local
    ? local.clusterIPs.filter(
        (ip) => !others.some((other) => other.clusterIPs.includes(ip) && isOlder(local, other)),
      )
    : [input.reserved.get(key) ?? []].flat();
  return ips.map((address) => ({ network: networkOf(input), address, prefix: undefined }));
}

type Preference = Pick<Service, 'routingPreference' | 'mode'>;

function preferenceOf(
  input: WholeInput,
  key: string,
  local: ServiceObject | undefined,
  distribution: Distribution | undefined,
): Preference {
  const anywhere: Preference = { routingPreference: [], mode: 'UNSPECIFIED' };
  if (distribution?.byShares) return anywhere;
  const policy = [...input.hub.traffic.values()].find((one) => serviceKeyOf(one) === key);
  if (policy && policy.localityOrder.length > 0)
    return { routingPreference: policy.localityOrder, mode: 'FAILOVER' };
  if (local?.internalTrafficPolicy === 'Local') return { routingPreference: ['NODE'], mode: 'STRICT' };
  if (!local) return anywhere;
  const close: readonly Scope[] = ['NETWORK', 'REGION', 'ZONE'];
  switch (trafficDistributionOf(local, input.view.namespace(local.metadata.namespace))) {
    case 'SAME_ZONE':
      return { routingPreference: close, mode: 'FAILOVER' };
    case 'SAME_NODE':
      return { routingPreference: [...close, 'SUBZONE', 'NODE'], mode: 'FAILOVER' };
    case 'ANY':
      return anywhere;
  }
}
