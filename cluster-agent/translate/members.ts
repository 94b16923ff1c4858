import type { EndpointSliceObject, PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { PortMapping } from '@isthmus/mesh/records/workload.ts';

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
