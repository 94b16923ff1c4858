import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from './cluster-view.ts';

export type Mode = 'AMBIENT' | 'SIDECAR' | 'NONE';

/** Istio injects nothing there (pkg/kube/inject, IgnoredNamespaces). */
const ignored: ReadonlySet<string> = new Set([
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'local-path-storage',
]);

const inject = 'sidecar.istio.io/inject';
const revision = 'istio.io/rev';
const dataplane = 'istio.io/dataplane-mode';

type Labels = Readonly<Record<string, string>>;

/** How a pod takes part in the mesh, by Istio's labels and annotations. */
export function modeOf(
  view: Pick<ClusterView, 'namespace'>,
  { metadata, hostNetwork }: Pick<PodObject, 'metadata' | 'hostNetwork'>,
): Mode {
  if (hostNetwork) return 'NONE';
  const namespace = view.namespace(metadata.namespace)?.metadata.labels ?? {};
  // The injector's own mark: it has a sidecar, whatever has become of the labels.
  const hasSidecar = metadata.annotations['sidecar.istio.io/status'] !== undefined;
  if (hasSidecar || isInjected(metadata, namespace)) return 'SIDECAR';
  return isAmbient(metadata.labels, namespace) ? 'AMBIENT' : 'NONE';
}

/**
 * Whether Istio's webhook would be called and would inject: its selectors (mutatingwebhook.yaml) and then injectRequired
 * (pkg/kube/inject/inject.go). Any revision counts as this control plane's, as there is no other here.
 */
function isInjected(
  { namespace: name, labels, annotations }: PodObject['metadata'],
  namespace: Labels,
): boolean {
  if (ignored.has(name) || !isCalled(labels, namespace)) return false;
  // The label goes before the annotation, also when it says nothing. What is neither true nor false leaves it to the
  // policy, which is to inject.
  return (labels[inject] ?? annotations[inject]) !== 'false';
}

/** A namespace's istio-injection goes before any revision; a pod's own words count where its namespace has none. */
function isCalled(pod: Labels, namespace: Labels): boolean {
  if (pod[inject] === 'false') return false;
  const injection = namespace['istio-injection'];
  if (injection !== undefined) return injection === 'enabled';
  return namespace[revision] !== undefined || pod[revision] !== undefined || pod[inject] === 'true';
}

/** The selectors of istio-cni (ambient.enablementSelectors): a pod may join alone, and leave with `none`. */
const isAmbient = (pod: Labels, namespace: Labels): boolean =>
  pod[dataplane] === 'ambient' || (namespace[dataplane] === 'ambient' && pod[dataplane] !== 'none');
