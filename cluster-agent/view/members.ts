import type { EndpointSliceObject, PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { equals } from '../keys/equals.ts';
import { podKey, serviceKeyOf, type PodKey, type ServiceKey } from '../keys/names.ts';
import type { TouchedOf } from '../keys/touched.ts';
import { ofLive, type Pods } from './pods.ts';
import { hasSelector, type Services } from './services.ts';
import type { Slices } from './slices.ts';

type MembersKey = TouchedOf<'members'>;

interface Indexes {
  readonly pods: Pods;
  readonly services: Services;
  readonly slices: Slices;
}

/** Which endpoints of which services are others, by what changed. It can be asked before the change and after it. */
export class Members {
  readonly #indexes: Indexes;

  constructor(indexes: Indexes) {
    this.#indexes = indexes;
  }

  /** Of services that select a pod now and did not, or the reverse; of all of its services when it is reached elsewhere. */
  *ofPod(change: Change<PodObject>): Iterable<MembersKey> {
    const { before, after } = ofLive(change);
    const some = after ?? before;
    if (!some) return;
    const pod = podKey(some.metadata);
    const [was, is] = [this.#selecting(before), this.#selecting(after)];
    const isElsewhere = !equals(reachOf(before), reachOf(after));
    for (const service of new Set([...was, ...is]))
      if (isElsewhere || was.has(service) !== is.has(service)) yield { kind: 'members', service, pod };
    if (!isElsewhere) return;
    for (const slice of this.#indexes.slices.naming(pod)) {
      const service = this.#serviceOf(slice);
      if (service) yield { kind: 'members', service, pod };
    }
  }

  /** Of pods that are endpoints of a service now and were not, or the reverse. Where it serves them the service says. */
  *ofService({ before, after }: Change<ServiceObject>): Iterable<MembersKey> {
    const some = after ?? before;
    if (!some || (before?.type === after?.type && equals(before?.selector, after?.selector))) return;
    const service = serviceKeyOf(some.metadata);
    const [was, is] = [this.#podsOf(before), this.#podsOf(after)];
    for (const pod of new Set([...was, ...is]))
      if (was.has(pod) !== is.has(pod)) yield { kind: 'members', service, pod };
    const [had, has] = [before, after].map((one) => this.#hasOthers(one));
    if (had !== has) yield { kind: 'members', service, pod: undefined };
  }

  /** Of endpoints that the slice has now and had not, or the reverse, or that it has in another form. */
  *ofSlice({ before, after }: Change<EndpointSliceObject>): Iterable<MembersKey> {
    const [was, is] = [this.#endpointsOf(before), this.#endpointsOf(after)];
    for (const service of new Set([was.service, is.service])) {
      if (service === undefined) continue;
      const [earlier, now] = [was, is].map((one) => (one.service === service ? one.endpoints : none));
      for (const pod of new Set([...(earlier?.keys() ?? []), ...(now?.keys() ?? [])]))
        if (!equals(earlier?.get(pod), now?.get(pod))) yield { kind: 'members', service, pod };
    }
  }

  #selecting(pod: PodObject | undefined): ReadonlySet<ServiceKey> {
    return new Set(pod && this.#indexes.services.keysSelecting(pod));
  }

  #podsOf(service: ServiceObject | undefined): ReadonlySet<PodKey> {
    const { pods, slices } = this.#indexes;
    if (!service) return new Set();
    if (hasSelector(service))
      return new Set(
        Array.from(pods.selectedBy(service.metadata.namespace, service.selector), ({ metadata }) =>
          podKey(metadata),
        ),
      );
    const named = new Set<PodKey>();
    if (service.type !== 'ExternalName')
      for (const { endpoints } of slices.of(service.metadata))
        for (const { pod } of endpoints) {
          const live = pods.get(pod);
          if (live) named.add(podKey(live.metadata));
        }
    return named;
  }

  /** Whether it has endpoints that are no pods. */
  #hasOthers(service: ServiceObject | undefined): boolean {
    if (!service || hasSelector(service) || service.type === 'ExternalName') return false;
    for (const { endpoints } of this.#indexes.slices.of(service.metadata))
      if (endpoints.some(({ pod }) => pod === '')) return true;
    return false;
  }

  /** The service that a slice has endpoints for; undefined when it is not there or has its endpoints otherwise. */
  #serviceOf({ metadata: { namespace }, service: name }: EndpointSliceObject): ServiceKey | undefined {
    const key = serviceKeyOf({ namespace, name });
    const service = this.#indexes.services.get(key);
    return service && !hasSelector(service) && service.type !== 'ExternalName' ? key : undefined;
  }

  /** What a slice says of each pod that is there, and under undefined of its other endpoints. */
  #endpointsOf(slice: EndpointSliceObject | undefined): SliceEndpoints {
    const service = slice && this.#serviceOf(slice);
    if (!slice || service === undefined) return { service: undefined, endpoints: none };
    const endpoints = new Map<PodKey | undefined, unknown[]>();
    for (const endpoint of slice.endpoints) {
      const live = this.#indexes.pods.get(endpoint.pod);
      if (endpoint.pod !== '' && !live) continue;
      const key = live && podKey(live.metadata);
      const said = endpoints.get(key);
      if (said) said.push(endpoint);
      else endpoints.set(key, [slice.ports, endpoint]);
    }
    return { service, endpoints };
  }
}

interface SliceEndpoints {
  readonly service: ServiceKey | undefined;
  readonly endpoints: ReadonlyMap<PodKey | undefined, readonly unknown[]>;
}

const none: SliceEndpoints['endpoints'] = new Map();

/** Where a pod is reached, and at which ports. */
const reachOf = (pod: PodObject | undefined) => pod && [pod.podIP, pod.otherIPs, pod.ports];
