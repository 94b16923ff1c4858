import type { EndpointSliceObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { networkOf, serviceKeyOf, type WholeInput } from './input.ts';
import { portsOf, slicesOf } from './members.ts';
import { blank } from '@isthmus/cluster-agent/translate/workload-fields.ts';

/**
 * Endpoints that somebody wrote down for a service without a selector, and that are no pods: what runs there is not
 * known, so it is reached in plaintext and by the service only, as Istio's control plane has it.
 */
export function sliceWorkloads(input: WholeInput): readonly Workload[] {
  return input.view
    .all('Service')
    .flatMap((service) =>
      slicesOf(input.view, service).flatMap((slice) =>
        slice.endpoints
          .filter(({ pod }) => pod === '')
          .flatMap((endpoint) =>
            endpoint.addresses.map((address) => workloadOf(input, service, slice, { ...endpoint, address })),
          ),
      ),
    );
}

type Endpoint = EndpointSliceObject['endpoints'][number] & { readonly address: string };

function workloadOf(
  input: WholeInput,
  service: ServiceObject,
  slice: EndpointSliceObject,
  { address, ready, nodeName, zone }: Endpoint,
): Workload {
  const { namespace, name } = slice.metadata;
  const node = input.view.get('Node', '', nodeName);
  return {
    ...blank,
    uid: `${input.cluster}/discovery.k8s.io/EndpointSlice/${namespace}/${name}/${address}`,
    name,
    namespace,
    addresses: [address],
    hostNetwork: true,
    workloadName: name,
    canonicalName: name,
    network: networkOf(input),
    cluster: input.cluster,
    trustDomain: input.trustDomain,
    locality: { region: node?.region ?? '', zone: zone === '' ? (node?.zone ?? '') : zone, subzone: '' },
    status: ready ? 'HEALTHY' : 'UNHEALTHY',
    services: new Map([[serviceKeyOf(service.metadata), portsOf(service, slice)]]),
  };
}
