import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from './cluster-view.ts';

/** Whether the pod is a ztunnel that serves a whole node: its account says so, which is what its token proves. */
export const isNodeProxy = ({ metadata, serviceAccount }: PodObject): boolean =>
  metadata.namespace === 'istio-system' && serviceAccount === 'ztunnel';

export const nodeProxyOf = (view: ClusterView, node: string): PodObject | undefined =>
  view.pods().find((pod) => pod.nodeName === node && isNodeProxy(pod));
