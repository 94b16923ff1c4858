import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { TrafficShift, RemoteService } from '@isthmus/api/domain/directive.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { NodeObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { capacities, isLeft, shares, type Group, type ShareQuestion } from '@isthmus/mesh/balance/shares.ts';
import { gatewaysFor } from '@isthmus/mesh/balance/gateways-for.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Stored } from '../keys/change-set.ts';
import { serviceKeyNamed, serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { Derivation } from './derivation.ts';
import { splitHorizon } from './split-horizon.ts';
import type { World } from './world.ts';
import { endpointCapacity } from './workload-fields.ts';

/** Where new connections to one service shall go, as weights that any proxy can follow. */
export interface Distribution {
  /** The cluster's own clients leave the local endpoints alone. */
  readonly withdrawLocal: boolean;
  /** What stands for the endpoints of other clusters, by uid. */
  readonly entries: ReadonlyMap<string, Workload>;
  /** Shares are resolved into weights: locality preferences of the proxies are suspended. */
  readonly byShares: boolean;
  /** Clusters to which nothing new goes and whose deadline is over: what is still open there ends. */
  readonly left: readonly string[];
}

/** Endpoints of another cluster, and the weight that all of them have together. */
export interface Weighted {
  readonly remote: RemoteService;
  readonly group: EndpointGroup;
  readonly capacity: number;
}

interface Inputs {
  readonly cluster: string;
  readonly trustDomain: TrustDomain;
  /** What other clusters have of it, in order of their names. */
  readonly remotes: readonly RemoteService[];
  readonly policy: TrafficPolicy | undefined;
  readonly trafficShifts: readonly TrafficShift[];
  /** Those whose deadline is over. */
  readonly over: readonly TrafficShift[];
  readonly local: readonly EndpointGroup[];
  /** The first node says where the cluster's clients are. */
  readonly node: NodeObject | undefined;
}

export const distribution: Derivation<ServiceKey, Inputs, Distribution> = {
  name: 'distribution',
  reads: new Set(['service', 'entryHost', 'groups', 'remotes', 'hub', 'clientPlace', 'deadline']),
  *keys({ view, hub }) {
    for (const { metadata } of view.all('Service')) yield serviceKeyOf(metadata);
    yield* hub.remoteServices();
  },
  wakes(touched, forms, world) {
    switch (touched.kind) {
      case 'service':
      case 'entryHost':
      case 'groups':
      case 'remotes':
        return [touched.service];
      case 'clientPlace':
        return world.hub.remoteServices();
      case 'deadline': {
        const found = world.hub.trafficShift(touched.trafficShift);
        return found ? servicesOf([found], world) : [];
      }
      case 'hub':
        return servicesOfResource(touched, forms, world);
      default:
        return [];
    }
  },
  inputs(key, world) {
    const { view, hub, facts, derived } = world;
    const service = localService(view, key);
    const remotes = remotesInUse(world, key);
    const ref = service?.metadata ?? remotes[0];
    if (!ref) return undefined;
    const trafficShifts = hub.trafficShiftsOf(ref);
    const now = facts.now();
    return {
      cluster: facts.cluster,
      trustDomain: facts.trustDomain,
      remotes,
      policy: hub.trafficOf(key),
      trafficShifts,
      over: trafficShifts.filter(({ deadline = Infinity }) => deadline <= now),
      local: derived.groups(key),
      node: view.firstNode,
    };
  },
  derive: (inputs) => {
    const { entries, ...rest } = inputs.trafficShifts.length === 0 ? near(inputs) : shared(inputs);
    const workloads = splitHorizon(inputs.trustDomain, entries);
    return { ...rest, entries: new Map(workloads.map((one) => [one.uid, one])) };
  },
  *touches(service, { before, after }): Iterable<Touched> {
    yield { kind: 'distribution', service };
    if ((before?.withdrawLocal ?? false) !== (after?.withdrawLocal ?? false))
      yield { kind: 'withdrawal', service };
  },
  *records(_service, { entries }) {
    for (const [name, record] of entries) yield { part: 'workloads', name, record };
  },
};

/** A service that is only a name for something elsewhere is not a service of this cluster. */
export function localService(
  view: Pick<World['view'], 'service'>,
  key: ServiceKey,
): ServiceObject | undefined {
  const service = view.service(key);
  return service?.type === 'ExternalName' ? undefined : service;
}

/**
 * What other clusters have of a service. A service of this cluster is one with its namesakes elsewhere only where it is
 * exported itself, which its grant shows: else local stays local. The hub sends namesakes all the same: a ServiceImport is
 * made of them. What a ServiceEntry says of the name is local and never exported.
 */
export function remotesInUse(
  { view, hub }: Pick<World, 'view' | 'hub'>,
  key: ServiceKey,
): readonly RemoteService[] {
  if (view.serviceEntries.at(key)) return [];
  return localService(view, key) && !hub.grantOf(key) ? [] : hub.remotesOf(key);
}

/** Services that a resource of the hub says something of, in any of its forms. */
export function servicesOfResource(
  { type }: Extract<Touched, { kind: 'hub' }>,
  forms: readonly Stored[],
  world: World,
): Iterable<ServiceKey> {
  switch (type) {
    case 'traffic':
    case 'grant':
      return (forms as readonly { readonly namespace: string; readonly name: string }[]).map(serviceKeyOf);
    case 'diversion':
      return servicesOf(forms as readonly TrafficShift[], world);
    default:
      return [];
  }
}

/** A traffic shift that names none is of all. */
function* servicesOf(trafficShifts: readonly TrafficShift[], { view, hub }: World): Iterable<ServiceKey> {
  for (const { services } of trafficShifts) {
    if (services.length === 0) {
      for (const { metadata } of view.all('Service')) yield serviceKeyOf(metadata);
      yield* hub.remoteServices();
    }
    yield* services.map(serviceKeyNamed);
  }
}

interface Resolved extends Omit<Distribution, 'entries'> {
  readonly entries: readonly Weighted[];
}

type RemoteGroup = Group & { readonly remote: RemoteService | undefined; readonly source: EndpointGroup };
type Candidate = Omit<Weighted, 'capacity'>;

/** Without a traffic shift the nearest are preferred by the proxies themselves, which then find the next nearest. */
function near(inputs: Inputs): Resolved {
  const entries = preferred(inputs, candidatesOf(inputs)).map(({ remote, group }) => ({
    remote,
    group,
    capacity: group.healthy * endpointCapacity,
  }));
  return { withdrawLocal: false, byShares: false, left: [], entries };
}

/** With one, shares across distances are resolved here. */
function shared(inputs: Inputs): Resolved {
  const question = questionOf(inputs);
  const answer = capacities(shares(question), ({ remote }) => remote === undefined);
  const entries = [...answer.remote].flatMap(([{ remote, source }, capacity]) =>
    remote ? [{ remote, group: source, capacity }] : [],
  );
  const left = inputs.over.filter(({ cluster }) => isLeft(cluster, question)).map(({ cluster }) => cluster);
  const { withdrawLocal } = answer;
  return { withdrawLocal, byShares: true, entries, left: [...new Set(left)].sort() };
}

function questionOf(inputs: Inputs): ShareQuestion<RemoteGroup> {
  const { cluster, node, local, policy, trafficShifts } = inputs;
  return {
    client: { cluster, region: node?.region ?? '', zone: node?.zone ?? '' },
    groups: [
      ...local
        .filter(({ healthy }) => healthy > 0)
        .map((source) => ({ ...source, cluster, remote: undefined, source })),
      ...candidatesOf(inputs).map(({ remote, group }) => ({
        ...group,
        cluster: remote.cluster,
        remote,
        source: group,
      })),
    ],
    trafficShifts,
    localityOrder: policy?.localityOrder ?? [],
    regionFailover: policy?.regionFailover ?? [],
  };
}

/** Groups of other clusters that are healthy and that some gateway leads to. */
const candidatesOf = ({ remotes }: Inputs): readonly Candidate[] =>
  remotes.flatMap((remote) =>
    remote.groups
      .filter(({ transport, healthy }) => healthy > 0 && gatewaysFor(transport, remote.gateways).length > 0)
      .map((group) => ({ remote, group })),
  );

/** Proxies know no list of regions: of the foreign regions that are healthy, only the first in the list is shown. */
function preferred({ policy, node }: Inputs, all: readonly Candidate[]): readonly Candidate[] {
  const region = node?.region ?? '';
  const order = (policy?.regionFailover ?? []).filter(({ from }) => from === region).map(({ to }) => to);
  const best = order.find((to) => all.some(({ group }) => group.region === to));
  return best === undefined
    ? all
    : all.filter(({ group }) => group.region === region || group.region === best);
}
