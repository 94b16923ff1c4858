import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { readPodOptions, type PodOptions } from '@isthmus/mesh/redirection/pod-options.ts';

/** Istio's label of namespaces and pods. */
export const modeLabel = 'istio.io/dataplane-mode';
/** What Istio's injector leaves at a pod that has a sidecar. */
const sidecarAnnotation = 'sidecar.istio.io/status';

type Labels = Readonly<Record<string, string>>;

export interface Surroundings {
  /** Of the pod's namespace; none where it is not known. */
  readonly namespaceLabels: Labels;
  /** The namespace that this program runs in. */
  readonly ownNamespace: string;
  /** Whether DNS is captured without an annotation. */
  readonly dns: boolean;
}

/** Whether a pod is to be captured. `why`: why not, although a label asks for it. */
export type Eligibility =
  | { readonly capture: true; readonly options: PodOptions }
  | { readonly capture: false; readonly why: string | undefined };

const no = (why?: string): Eligibility => ({ capture: false, why });

/**
 * Whether a pod is to be captured, as Istio's ambient mode decides it: its own label, or that of its namespace unless its own
 * says `none`; never with the node's network, with a sidecar, or once all its containers have ended. Nor in this program's own
 * namespace, as the proxy needs what runs there.
 */
export function eligibilityOf(pod: PodObject, surroundings: Surroundings): Eligibility {
  const { labels, annotations, namespace } = pod.metadata;
  if (!isAsked(labels, surroundings.namespaceLabels) || pod.finished) return no();
  if (pod.hostNetwork)
    return no('it has the network of its node, whose other processes would be captured too');
  if (annotations[sidecarAnnotation] !== undefined) return no('it has a sidecar, which captures for it');
  if (namespace === surroundings.ownNamespace)
    return no(`it is in the namespace ${namespace}, on which the mesh itself depends`);
  const options = readPodOptions(annotations, surroundings);
  return options.ok ? { capture: true, options: options.value } : no(options.error);
}

/** Whether these labels of a namespace have its pods captured. */
export const isAmbient = (labels: Labels): boolean => labels[modeLabel] === 'ambient';

const isAsked = (pod: Labels, namespace: Labels): boolean =>
  pod[modeLabel] === 'ambient' || (isAmbient(namespace) && pod[modeLabel] !== 'none');
