import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from './cluster-view.ts';

/** Istio's sign of an east-west gateway: a service in the system namespace that bears its network's name. */
export const isGatewayService = ({ metadata }: ServiceObject): boolean =>
  metadata.namespace === 'istio-system' && metadata.labels['topology.istio.io/network'] !== undefined;

export const gatewayServices = (view: ClusterView): readonly ServiceObject[] =>
  view.all('Service').filter(isGatewayService);

export const gatewayPods = (view: ClusterView): ReadonlySet<PodObject> =>
  new Set(gatewayServices(view).flatMap((service) => view.selectedBy(service)));
