import type { TrafficShift, RemoteService } from '@isthmus/api/domain/directive.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { Gateway } from '@isthmus/api/domain/report.ts';
import { capacities, isLeft, shares, type Group } from '@isthmus/mesh/balance/shares.ts';
import { gatewaysFor } from '@isthmus/mesh/balance/gateways-for.ts';
import { parseWorkloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { byCluster, byName, valuesInOrder } from '@isthmus/cluster-agent/translate/in-order.ts';
import { serviceKeyOf, networkOf, type WholeInput } from './input.ts';
import { blank, endpointCapacity } from '@isthmus/cluster-agent/translate/workload-fields.ts';

/** Where new connections to one service shall go, as weights that any proxy can follow. */
export interface Distribution {
  /** The cluster's own clients leave the local endpoints alone. */
  readonly withdrawLocal: boolean;
  readonly entries: readonly {
    readonly remote: RemoteService;
    readonly group: EndpointGroup;
    readonly capacity: number;
  }[];
  /** Shares are resolved into weights: locality preferences of the proxies are suspended. */
  readonly byShares: boolean;
  /** Clusters to which nothing new goes and whose deadline is over: what is still open there ends. */
  readonly left: readonly string[];
}

/** `service` is `<namespace>/<name>`. */
export const divertsService = ({ services }: TrafficShift, service: string): boolean =>
  services.length === 0 || services.some((one) => one === service);

type RemoteGroup = Group & { readonly remote: RemoteService | undefined; readonly source: EndpointGroup };

/**
 * Without a drain or failover the nearest are preferred by the proxies themselves, which then find the next nearest
 * on their own. With one, shares across distances are resolved here.
 */
export function distribute(input: WholeInput, key: string, local: readonly EndpointGroup[]): Distribution {
  const remotes = remotesOf(input, key);
  const [first] = remotes;
  const id = first ? `${first.namespace}/${first.name}` : (key.split('.')[0] ?? '');
  const policy = [...input.hub.traffic.values()].find((one) => serviceKeyOf(one) === key);
  const trafficShifts = valuesInOrder(input.hub.trafficShifts).filter((one) => divertsService(one, id));
  const groups = remotes.flatMap((remote) =>
    remote.groups
      .filter(({ transport, healthy }) => healthy > 0 && gatewaysFor(transport, remote.gateways).length > 0)
      .map((group) => ({ remote, group })),
  );
  if (trafficShifts.length === 0)
    return {
      withdrawLocal: false,
      byShares: false,
      left: [],
      entries: preferred(input, policy, groups).map((one) => ({
        ...one,
        capacity: one.group.healthy * endpointCapacity,
      })),
    };
  const client = clientOf(input);
  const question: readonly RemoteGroup[] = [
    ...local
      .filter(({ healthy }) => healthy > 0)
      .map((source) => ({ ...source, cluster: input.cluster, remote: undefined, source })),
    ...groups.map(({ remote, group }) => ({ ...group, cluster: remote.cluster, remote, source: group })),
  ];
  const order = { localityOrder: policy?.localityOrder ?? [], regionFailover: policy?.regionFailover ?? [] };
  const asked = { client, groups: question, trafficShifts, ...order };
  const answer = capacities(shares(asked), ({ remote }) => remote === undefined);
  const entries = [...answer.remote].flatMap(([{ remote, source }, capacity]) =>
    remote ? [{ remote, group: source, capacity }] : [],
  );
  const left = trafficShifts
    .filter(({ cluster, deadline = Infinity }) => deadline <= input.now && isLeft(cluster, asked))
    .map(({ cluster }) => cluster);
  return { withdrawLocal: answer.withdrawLocal, byShares: true, entries, left: [...new Set(left)].sort() };
}

/** What other clusters have of a service, in order of their names. */
const remotesOf = ({ hub }: WholeInput, key: string): readonly RemoteService[] =>
  [...hub.remotes.values()].filter((one) => serviceKeyOf(one) === key).sort(byCluster);

/** The first node by name says where the cluster's clients are. */
function clientOf({ view, cluster }: WholeInput) {
  const [node] = [...view.all('Node')].sort(byName);
  return { cluster, region: node?.region ?? '', zone: node?.zone ?? '' };
}

type Candidate = { readonly remote: RemoteService; readonly group: EndpointGroup };

/** Proxies know no list of regions: of the foreign regions that are healthy, only the first in the list is shown. */
function preferred(
  input: WholeInput,
  policy: { regionFailover: readonly { from: string; to: string }[] } | undefined,
  all: readonly Candidate[],
): readonly Candidate[] {
  const { region } = clientOf(input);
  const order = (policy?.regionFailover ?? []).filter(({ from }) => from === region).map(({ to }) => to);
  const best = order.find((to) => all.some(({ group }) => group.region === to));
  return best === undefined
    ? all
    : all.filter(({ group }) => group.region === region || group.region === best);
}

/** Entries that stand for endpoints behind a gateway, one per gateway, place and transport. */
export function splitHorizon(input: WholeInput, { entries }: Distribution): readonly Workload[] {
  return entries.flatMap(({ remote, group, capacity }) => {
    const gateways = gatewaysFor(group.transport, remote.gateways);
    return gateways.map((gateway) =>
      entryOf(input, remote, group, gateway, Math.max(1, Math.round(capacity / gateways.length))),
    );
  });
}

function entryOf(
  input: WholeInput,
  remote: RemoteService,
  group: EndpointGroup,
  gateway: Gateway,
  capacity: number,
): Workload {
  const { namespace, name, hostname } = remote;
  const place = [group.region, group.zone, group.transport, ...(group.hboneOnly ? ['only'] : [])].join('/');
  return {
    ...blank,
    uid: `${gateway.network}/SplitHorizonWorkload/${remote.cluster}/${gateway.address}/${namespace}/${hostname}/${place}`,
    name: `${name}-${remote.cluster}`,
    namespace,
    network: gateway.network,
    cluster: remote.cluster,
    workloadName: name,
    canonicalName: name,
    locality: { region: group.region, zone: group.zone, subzone: '' },
    trustDomain: input.trustDomain,
    transport: group.transport,
    capacity,
    networkGateway: {
      kind: 'address',
      network: gateway.network,
      address: gateway.address,
      hbonePort: gateway.hbonePort,
    },
    services: new Map([
      [serviceKeyOf(remote), remote.ports.map(({ port, targetPort }) => ({ servicePort: port, targetPort }))],
    ]),
    // Its own cluster says whether its pods terminate Istio mTLS: exported ones do, where the proxies are ours.
    classicClients: group.hboneOnly !== true,
    subjectAltNames: remote.subjectAltNames,
    passthroughPort: gateway.passthroughPort,
  };
}

/**
 * The gateways of other networks as workloads, so that proxies know which identity to expect there. Where several
 * remote services name one, the first of them says what it is.
 */
export function networkGateways(input: WholeInput): readonly Workload[] {
  const own = networkOf(input);
  const byUid = new Map<string, Workload>();
  for (const { cluster, gateways } of [...input.hub.remotes.values()].sort(byCluster))
    for (const gateway of gateways) {
      const identity = parseWorkloadIdentity(gateway.spiffeId);
      if (!identity.ok || gateway.network === own || gateway.hbonePort === 0) continue;
      const uid = `NetworkGateway/${gateway.network}/${gateway.address}/${gateway.hbonePort}`;
      if (byUid.has(uid)) continue;
      byUid.set(uid, {
        ...blank,
        uid,
        name: 'eastwest-gateway',
        namespace: identity.value.namespace,
        serviceAccount: identity.value.serviceAccount,
        trustDomain: identity.value.trustDomain,
        addresses: [gateway.address],
        network: gateway.network,
        cluster,
        locality: { region: gateway.region, zone: gateway.zone, subzone: '' },
        transport: 'hbone',
        workloadName: 'eastwest-gateway',
      });
    }
  return [...byUid.values()];
}
