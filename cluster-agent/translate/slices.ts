import type { EndpointSliceObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { PortMapping, Workload } from '@isthmus/mesh/state/workload.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { networkOf, serviceKeyOf, type TranslateInput } from './input.ts';
import { blank } from './workloads.ts';

/**
 * Endpoints that somebody wrote down for a service without a selector: what runs there is not known, so it is reached
 * in plaintext and by the service only, as Istio's control plane has it.
 */
export function sliceWorkloads(input: TranslateInput): readonly Workload[] {
  return input.view
    .all('Service')
    .flatMap((service) =>
      slicesOf(input.view, service).flatMap((slice) =>
        slice.endpoints.flatMap((endpoint) =>
          endpoint.addresses.map((address) => workloadOf(input, service, slice, { ...endpoint, address })),
        ),
      ),
    );
}

/** None for a service that selects its pods. */
export const slicesOf = (
  view: ClusterView,
  { metadata, selector }: ServiceObject,
): readonly EndpointSliceObject[] =>
  Object.keys(selector).length > 0
    ? []
    : view
        .all('EndpointSlice')
        .filter(
          (slice) => slice.service === metadata.name && slice.metadata.namespace === metadata.namespace,
        );

type Endpoint = EndpointSliceObject['endpoints'][number] & { readonly address: string };

function workloadOf(
  input: TranslateInput,
  service: ServiceObject,
  slice: EndpointSliceObject,
  { address, ready, nodeName, zone }: Endpoint,
): Workload {
  const { namespace, name } = slice.metadata;
  const node = input.view.get('Node', '', nodeName);
  return {
    ...blank,
    uid: `${input.cluster}/discovery.k8s.io/EndpointSlice/${namespace}/${name}/${address}`,
    ...{ name, namespace, addresses: [address], hostNetwork: true, workloadName: name, canonicalName: name },
    ...{ network: networkOf(input), cluster: input.cluster, trustDomain: input.trustDomain },
    locality: { region: node?.region ?? '', zone: zone === '' ? (node?.zone ?? '') : zone, subzone: '' },
    status: ready ? 'HEALTHY' : 'UNHEALTHY',
    services: new Map([[serviceKeyOf(service.metadata), portsOf(service, slice)]]),
  };
}

/** A service's port is the slice's port of the same name. */
const portsOf = (service: ServiceObject, slice: EndpointSliceObject): readonly PortMapping[] =>
  service.ports.flatMap(({ name, port }) => {
    const found = slice.ports.find((one) => one.name === name);
    return found ? [{ servicePort: port, targetPort: found.port }] : [];
  });
