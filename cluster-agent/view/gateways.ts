import type { GatewayObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';

/** Istio's sign of an east-west gateway: a service in the system namespace that has its network's name. */
export const isGatewayService = ({ metadata }: ServiceObject): boolean =>
  metadata.namespace === rootNamespace && metadata.labels['topology.istio.io/network'] !== undefined;

/** Istio's labels of what it makes for a Gateway: the Service has its name, or names it. */
export const isServiceOf = ({ metadata: service }: ServiceObject, { metadata }: GatewayObject): boolean =>
  service.namespace === metadata.namespace &&
  (service.name === metadata.name ||
    service.labels['gateway.networking.k8s.io/gateway-name'] === metadata.name);
