import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { ClusterView } from '../view/cluster-view.ts';

/** The network that the system namespace's label names; '' when none does. */
export const networkOf = (view: Pick<ClusterView, 'namespace'>): string =>
  view.namespace(rootNamespace)?.metadata.labels['topology.istio.io/network'] ?? '';
