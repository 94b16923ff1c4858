import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from '../view/cluster-view.ts';

/** A label that should say how a pod takes part in the mesh, with a value that says nothing. */
export interface UnknownMode {
  /** `<kind> <namespace>/<name>` of what has it. */
  readonly object: string;
  readonly label: string;
  readonly value: string;
  readonly known: readonly string[];
}

const dataplane = { label: 'istio.io/dataplane-mode', known: ['ambient', 'none'] };
const injection = { label: 'istio-injection', known: ['enabled', 'disabled'] };
/** Istio's injector knows these two words; any other leaves it to the namespace (pkg/kube/inject, injectRequired). */
const inject = { label: 'sidecar.istio.io/inject', known: ['true', 'false'] };

/**
 * The first label of a pod or its namespace that is misspelt: the pod would be taken for one of no mode, and be reached
 * without any mesh. A namespace's word counts only where the pod has none of its own.
 */
export function unknownModeOf(
  view: Pick<ClusterView, 'namespace'>,
  { metadata }: PodObject,
): UnknownMode | undefined {
  const pod = `Pod ${metadata.namespace}/${metadata.name}`;
  const namespace = `Namespace ${metadata.namespace}`;
  const labels = view.namespace(metadata.namespace)?.metadata.labels ?? {};
  const own = metadata.labels[dataplane.label];
  return (
    misspelt(pod, inject, metadata.labels) ??
    misspelt(pod, dataplane, metadata.labels) ??
    (own === undefined ? misspelt(namespace, dataplane, labels) : undefined) ??
    misspelt(namespace, injection, labels)
  );
}

function misspelt(
  object: string,
  { label, known }: Pick<UnknownMode, 'label' | 'known'>,
  labels: Readonly<Record<string, string>>,
): UnknownMode | undefined {
  const value = labels[label];
  // An empty value is a label that a template left open: it says nothing, as if it were not there.
  if (value === undefined || value === '' || known.includes(value)) return undefined;
  return { object, label, value, known };
}
