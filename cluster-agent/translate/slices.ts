import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { EndpointSliceObject, NodeObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import { hasSelector } from '../view/services.ts';
import type { Derivation } from './derivation.ts';
import type { Place } from './endpoint.ts';
import { portsOf } from './members.ts';
import { networkOf } from './network.ts';
import type { World } from './world.ts';
import { blank } from './workload-fields.ts';

/** The endpoints of a slice that are no pods. */
export interface SliceEndpoints {
  readonly service: ServiceKey;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly endpoints: readonly {
    readonly place: Place;
    readonly healthy: boolean;
    readonly identity: undefined;
  }[];
}

interface Inputs {
  readonly slice: EndpointSliceObject;
  readonly service: ServiceObject;
  /** The node of each endpoint. */
  readonly nodes: readonly (NodeObject | undefined)[];
  readonly cluster: string;
  readonly trustDomain: TrustDomain;
  readonly network: string;
}

/**
 * Endpoints that somebody wrote down for a service without a selector, and that are no pods: what runs there is not
 * known, so it is reached in plaintext and by the service only, as Istio's control plane has it.
 */
export const slice: Derivation<string, Inputs, SliceEndpoints> = {
  name: 'slice',
  reads: new Set(['slice', 'service', 'node', 'network']),
  keys: ({ view }) => namesOf(view.all('EndpointSlice')),
  wakes(touched, forms, { view }) {
    switch (touched.kind) {
      case 'slice':
        return [touched.slice];
      case 'node':
        return namesOf(view.slicesWithEndpointsOn(touched.node));
      case 'service':
        return slicesOfForms(forms as readonly ServiceObject[], view);
      case 'network':
        return namesOf(view.all('EndpointSlice'));
      default:
        return [];
    }
  },
  inputs(key, { view, facts }) {
    const found = view.byId(`EndpointSlice/${key}`);
    if (found?.kind !== 'EndpointSlice') return undefined;
    const service = view.get('Service', found.metadata.namespace, found.service);
    if (!service || hasSelector(service) || service.type === 'ExternalName') return undefined;
    const nodes = found.endpoints.map(({ nodeName }) => view.get('Node', '', nodeName));
    const { cluster, trustDomain } = facts;
    return { slice: found, service, nodes, cluster, trustDomain, network: networkOf(view) };
  },
  derive: endpointsOf,
  *records(_slice, { workloads }) {
    for (const [name, record] of workloads) yield { part: 'workloads', name, record };
  },
};

const namesOf = (slices: Iterable<EndpointSliceObject>): readonly string[] =>
  [...slices].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);

function* slicesOfForms(forms: readonly ServiceObject[], view: World['view']): Iterable<string> {
  for (const form of forms) yield* namesOf(view.slicesOf(form));
}

function endpointsOf(inputs: Inputs): SliceEndpoints {
  const workloads = new Map<string, Workload>();
  const endpoints: SliceEndpoints['endpoints'][number][] = [];
  for (const [i, endpoint] of inputs.slice.endpoints.entries()) {
    if (endpoint.pod !== '') continue;
    const node = inputs.nodes[i];
    const place: Place = {
      region: node?.region ?? '',
      zone: endpoint.zone === '' ? (node?.zone ?? '') : endpoint.zone,
      transport: 'plaintext',
    };
    for (const address of endpoint.addresses) {
      endpoints.push({ place, healthy: endpoint.ready, identity: undefined });
      const workload = workloadOf(inputs, address, place, endpoint.ready);
      workloads.set(workload.uid, workload);
    }
  }
  return { service: serviceKeyOf(inputs.service.metadata), workloads, endpoints };
}

function workloadOf(
  { slice: { metadata }, slice: from, service, cluster, trustDomain, network }: Inputs,
  address: string,
  { region, zone }: Place,
  ready: boolean,
): Workload {
  const { namespace, name } = metadata;
  return {
    ...blank,
    uid: `${cluster}/discovery.k8s.io/EndpointSlice/${namespace}/${name}/${address}`,
    name,
    namespace,
    addresses: [address],
    hostNetwork: true,
    workloadName: name,
    canonicalName: name,
    network,
    cluster,
    trustDomain,
    locality: { region, zone, subzone: '' },
    status: ready ? 'HEALTHY' : 'UNHEALTHY',
    services: new Map([[serviceKeyOf(service.metadata), portsOf(service, from)]]),
  };
}
