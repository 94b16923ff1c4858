import type { EndpointSliceObject, PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { PortMapping } from '@isthmus/mesh/records/workload.ts';
import type { WholeView } from './view.ts';
import { byName } from '@isthmus/cluster-agent/translate/in-order.ts';

/** A pod behind a service, and where it serves the service's ports. */
export interface Member {
  readonly pod: PodObject;
  /** None when the pod lacks every port that the service names. */
  readonly ports: readonly PortMapping[];
  /** An EndpointSlice says that nothing new goes to it, whatever its own readiness is. */
  readonly isHeldBack: boolean;
}

/**
 * The pods that a service selects, or those that EndpointSlices of a service without a selector refer to: they are
 * known, so they are reached as what they are (istiod, ambient/workloads.go, matchingServicesWithoutSelectors). In order
 * of their names.
 */
export const membersOf = (view: WholeView, service: ServiceObject): readonly Member[] =>
  Object.keys(service.selector).length > 0
    ? [...view.selectedBy(service)]
        .sort(byName)
        .map((pod) => ({ pod, ports: portsAt(service, pod), isHeldBack: false }))
    : referredTo(view, service);

function referredTo(view: WholeView, service: ServiceObject): readonly Member[] {
  const members = new Map<string, Member>();
  for (const slice of slicesOf(view, service))
    for (const { pod: name, ready } of slice.endpoints) {
      const pod = view.podNamed(name);
      if (!pod) continue;
      const before = members.get(name);
      // The slice has the number, as each endpoint may listen elsewhere.
      const ports = [...(before?.ports ?? []), ...portsOf(service, slice)];
      const isHeldBack = !ready && !service.publishNotReadyAddresses;
      members.set(name, { pod, ports, isHeldBack: isHeldBack && before?.isHeldBack !== false });
    }
  return [...members.values()].sort((a, b) => byName(a.pod, b.pod));
}

/** None for a service that selects its pods. In order of their names. */
export const slicesOf = (
  view: WholeView,
  { metadata, selector, type }: ServiceObject,
): readonly EndpointSliceObject[] =>
  Object.keys(selector).length > 0 || type === 'ExternalName'
    ? []
    : view
        .all('EndpointSlice')
        .filter((slice) => slice.service === metadata.name && slice.metadata.namespace === metadata.namespace)
        .sort(byName);

/** A service's port is the slice's port of the same name. */
export const portsOf = (service: ServiceObject, slice: EndpointSliceObject): readonly PortMapping[] =>
  service.ports.flatMap(({ name, port }) => {
    const found = slice.ports.find((one) => one.name === name);
    return found ? [{ servicePort: port, targetPort: found.port }] : [];
  });

/** A named target port is what the pod calls by that name; a pod without it does not serve the port. */
export function portsAt({ ports }: ServiceObject, pod: PodObject): readonly PortMapping[] {
  return ports.flatMap(({ port, targetPort }) => {
    const target =
      typeof targetPort === 'number' ? targetPort : pod.ports.find(({ name }) => name === targetPort)?.port;
    return target === undefined ? [] : [{ servicePort: port, targetPort: target }];
  });
}
