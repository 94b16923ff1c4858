import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type {
  EndpointSliceObject,
  PodObject,
  ServiceEntryObject,
  ServiceObject,
} from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { PortMapping } from '@isthmus/mesh/records/workload.ts';
import { isHealthy, isProvenBy } from '../health/judge.ts';
import { parsePodKey, podKey, serviceKeyOf, type PodKey, type ServiceKey } from '../keys/names.ts';
import { equals } from '../keys/equals.ts';
import { hasSelector } from '../view/services.ts';
import type { Derivation } from './derivation.ts';
import { hostsInForce, ofHosts, type EntryHosts } from './entry-hosts.ts';
import { identityOf } from './identity.ts';
import { byName } from './in-order.ts';
import { portsAt, portsOf } from './members.ts';
import type { Part } from './part.ts';
import { podKeys } from './part.ts';
import type { World } from './world.ts';
import { transportOf } from './workload-fields.ts';

/** Where endpoints are and how they are reached. */
export type Place = Pick<EndpointGroup, 'region' | 'zone' | 'transport' | 'hboneOnly'>;

/** A pod as an endpoint of the services that it is behind. */
export interface PodEndpoint {
  readonly place: Place;
  readonly healthy: boolean;
  /** Its SPIFFE ID; undefined outside the mesh. */
  readonly identity: string | undefined;
  /** Services that it is behind without taking anything new there, in the order of their keys. */
  readonly untaken: readonly ServiceKey[];
  /** The services that it serves, with their ports, in the order of their keys. */
  readonly services: ReadonlyMap<ServiceKey, readonly PortMapping[]>;
}

interface Inputs extends EntryHosts {
  readonly pod: PodObject;
  readonly part: Part;
  readonly region: string;
  readonly zone: string;
  readonly healthy: boolean;
  readonly servedByUpstream: boolean;
  readonly trustDomain: TrustDomain;
  readonly selectedBy: readonly ServiceObject[];
  /** Those that name it. */
  readonly slices: readonly EndpointSliceObject[];
  /** The service of each of these slices. */
  readonly sliceServices: readonly ServiceObject[];
}

export const endpoint: Derivation<PodKey, Inputs, PodEndpoint> = {
  name: 'endpoint',
  reads: new Set([
    ...(['pod', 'part', 'serving', 'node', 'nodeProxies', 'upstream'] as const),
    ...(['service', 'members', 'serviceEntry', 'entryHost'] as const),
  ]),
  keys: ({ view }) => view.podKeys(),
  wakes(touched, forms, { view }) {
    switch (touched.kind) {
      case 'pod':
      case 'part':
      case 'serving':
        return [touched.pod];
      case 'upstream':
        return podsOfProxy(touched.pod, view);
      case 'node':
      case 'nodeProxies':
        return podKeys(view.podsOn(touched.node));
      case 'members':
        return touched.pod === undefined ? [] : [touched.pod];
      case 'service':
        return membersOfForms(forms, view);
      case 'serviceEntry':
        return podsOfEntries(forms as readonly ServiceEntryObject[], view);
      case 'entryHost':
        return podsOfEntries(view.serviceEntries.having(touched.service), view);
      default:
        return [];
    }
  },
  inputs(key, world) {
    const { view, facts, derived } = world;
    const pod = view.podNamed(key);
    const part = derived.part(key);
    const verdict = derived.judged(key)?.verdict;
    if (!pod || !part || !verdict) return undefined;
    const node = view.get('Node', '', pod.nodeName);
    const { namespace, labels } = pod.metadata;
    const { hosts, entries } = hostsInForce(view, view.serviceEntries.selecting(namespace, labels));
    const named = [...view.slicesNaming(key)]
      .map((slice) => ({ slice, service: view.get('Service', slice.metadata.namespace, slice.service) }))
      .filter((one): one is { slice: EndpointSliceObject; service: ServiceObject } => isOfSlices(one.service))
      .sort((a, b) => byName(a.slice, b.slice));
    return {
      pod,
      part,
      region: node?.region ?? '',
      zone: node?.zone ?? '',
      healthy: isHealthy(verdict),
      servedByUpstream: isServedByUpstream(world, pod),
      trustDomain: facts.trustDomain,
      selectedBy: [...view.servicesSelecting(pod)].sort(byName),
      hosts,
      entries,
      slices: named.map(({ slice }) => slice),
      sliceServices: named.map(({ service }) => service),
    };
  },
  derive: endpointOf,
  touches: (pod, { before, after }) =>
    equals(before?.services, after?.services) ? [] : [{ kind: 'endpoint', pod }],
};

/** Pods that ServiceEntries select. */
export function* podsOfEntries(entries: Iterable<ServiceEntryObject>, view: World['view']): Iterable<PodKey> {
  for (const { metadata, selector } of entries)
    if (Object.keys(selector).length > 0) yield* podKeys(view.podsSelectedBy(metadata.namespace, selector));
}

/** A service that has its endpoints from EndpointSlices. */
const isOfSlices = (service: ServiceObject | undefined): boolean =>
  service !== undefined && !hasSelector(service) && service.type !== 'ExternalName';

/** Whether an ambient pod is served by Istio's own ztunnel: its node's, or one that serves this pod alone. */
export function isServedByUpstream({ view, facts, derived }: World, pod: PodObject): boolean {
  const { upstreamZtunnels } = facts;
  if (upstreamZtunnels.size === 0) return false;
  const isOne = ({ metadata }: PodObject) => upstreamZtunnels.has(podKey(metadata));
  if (isOne(pod)) return true;
  const verdict = derived.judged(podKey(pod.metadata))?.verdict;
  const proxies = view.nodeProxies(pod.nodeName);
  const serving = proxies.find((proxy) => verdict && isProvenBy(verdict, proxy)) ?? proxies[0];
  return serving !== undefined && isOne(serving);
}

/** Pods that a ztunnel may serve: its own, as it may serve that alone, and those of its node. */
export function* podsOfProxy(proxy: PodKey, view: World['view']): Iterable<PodKey> {
  yield proxy;
  const pod = view.podNamed(proxy);
  if (pod) yield* podKeys(view.podsOn(pod.nodeName));
}

/** Pods behind a service in any of its forms. */
export function* membersOfForms(forms: readonly object[], view: World['view']): Iterable<PodKey> {
  for (const form of forms as readonly ServiceObject[]) {
    yield* podKeys(view.selectedBy(form));
    for (const slice of view.slicesOf(form))
      for (const { pod } of slice.endpoints) {
        const key = parsePodKey(pod);
        if (key.ok) yield key.value;
      }
  }
}

function endpointOf(inputs: Inputs): PodEndpoint {
  const { pod, part, region, zone, healthy, servedByUpstream, trustDomain } = inputs;
  const transport = transportOf[part.mode];
  const serving = servingOf(inputs);
  const inOrder = [...serving].sort(([a], [b]) => compareText(a, b));
  return {
    place: { region, zone, transport, ...(transport === 'hbone' && servedByUpstream && { hboneOnly: true }) },
    healthy,
    identity: part.mode === 'NONE' ? undefined : identityOf(trustDomain, pod),
    untaken: inOrder.flatMap(([key, one]) => (isTaking(one) ? [] : [key])),
    services: new Map(inOrder.filter(([, one]) => isTaking(one)).map(([key, { ports }]) => [key, ports])),
  };
}

interface Serving {
  /** None when the pod lacks every port that the service names. */
  readonly ports: readonly PortMapping[];
  /** An EndpointSlice says that nothing new goes to it, whatever its own readiness is. */
  readonly isHeldBack: boolean;
}

const isTaking = ({ ports, isHeldBack }: Serving): boolean => ports.length > 0 && !isHeldBack;

function servingOf(inputs: Inputs): Map<ServiceKey, Serving> {
  const { pod, selectedBy, slices, sliceServices } = inputs;
  const serving = new Map<ServiceKey, Serving>();
  for (const [key, { ports }] of ofHosts(inputs))
    serving.set(key, {
      ports: ports.map(({ port, targetPort }) => ({ servicePort: port, targetPort })),
      isHeldBack: false,
    });
  for (const service of selectedBy)
    serving.set(serviceKeyOf(service.metadata), { ports: portsAt(service, pod), isHeldBack: false });
  const name = podKey(pod.metadata);
  for (const [i, slice] of slices.entries()) {
    const service = sliceServices[i];
    if (!service) continue;
    const key = serviceKeyOf(service.metadata);
    for (const { ready } of slice.endpoints.filter((one) => one.pod === name)) {
      const before = serving.get(key);
      // The slice has the number, as each endpoint may listen elsewhere.
      const ports = [...(before?.ports ?? []), ...portsOf(service, slice)];
      const isHeldBack = !ready && !service.publishNotReadyAddresses;
      serving.set(key, { ports, isHeldBack: isHeldBack && before?.isHeldBack !== false });
    }
  }
  return serving;
}
