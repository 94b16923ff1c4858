import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';

/** Istio's sign of an east-west gateway: a service in the system namespace that has its network's name. */
export const isGatewayService = ({ metadata }: ServiceObject): boolean =>
  metadata.namespace === rootNamespace && metadata.labels['topology.istio.io/network'] !== undefined;
