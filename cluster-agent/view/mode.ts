import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from './cluster-view.ts';

export type Mode = 'AMBIENT' | 'SIDECAR' | 'NONE';

/** How a pod takes part in the mesh, by Istio's labels: a pod's own word goes before its namespace's. */
export function modeOf(view: ClusterView, { metadata, hostNetwork }: PodObject): Mode {
  if (hostNetwork) return 'NONE';
  const namespace = view.namespace(metadata.namespace)?.metadata.labels ?? {};
  const inject = metadata.labels['sidecar.istio.io/inject'];
  if (inject === 'true') return 'SIDECAR';
  const dataplane = metadata.labels['istio.io/dataplane-mode'] ?? namespace['istio.io/dataplane-mode'];
  if (namespace['istio-injection'] === 'enabled' && inject !== 'false') return 'SIDECAR';
  return dataplane === 'ambient' ? 'AMBIENT' : 'NONE';
}
