import type { NamespaceObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { unknownModeOf, type UnknownMode } from '../health/mode-labels.ts';
import { takesHbone } from '@isthmus/api/kubernetes/written-workload.ts';
import type { Change } from '../keys/change-set.ts';
import { podKey, type PodKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import { modeOf, type Mode } from '../view/mode.ts';
import type { Derivation, Fold } from './derivation.ts';
import type { CaptureProof } from './world.ts';

/** How a pod takes part in the mesh. */
export interface Part {
  /** NONE for a pod that is ambient by its labels and is not captured: callers reach it in plaintext until it is. */
  readonly mode: Mode;
  /** Why it is not captured, as far as its node agent says; undefined: it is captured, or is not to be. */
  readonly uncaptured: string | undefined;
  readonly isGateway: boolean;
  /** A label that should say how, and says nothing. */
  readonly unknown: UnknownMode | undefined;
}

interface Inputs {
  readonly pod: PodObject;
  readonly namespace: NamespaceObject | undefined;
  readonly isGateway: boolean;
  readonly capture: CaptureProof;
}

/** A node agent writes there why a pod is not captured (`node-agent/report/annotations.ts`). */
const notCaptured = 'isthmus.io/not-captured';

export const part: Derivation<PodKey, Inputs, Part> = {
  name: 'part',
  reads: new Set(['pod', 'namespace', 'gateway']),
  keys: ({ view }) => view.podKeys(),
  wakes(touched, _forms, { view }) {
    switch (touched.kind) {
      case 'pod':
      case 'gateway':
        return [touched.pod];
      case 'namespace':
        return podKeys(view.podsIn(touched.namespace));
      default:
        return [];
    }
  },
  inputs(key, { view, facts: { capture } }) {
    const pod = view.podNamed(key);
    if (!pod) return undefined;
    const namespace = view.namespace(pod.metadata.namespace);
    return { pod, namespace, isGateway: view.isGateway(pod), capture };
  },
  derive({ pod, namespace, isGateway, capture }) {
    const view = { namespace: () => namespace };
    const [mode, unknown] = [modeOf(view, pod), unknownModeOf(view, pod)];
    if (mode !== 'AMBIENT' || capture === 'PROXY' || takesHbone(pod.metadata))
      return { mode, uncaptured: undefined, isGateway, unknown };
    return { mode: 'NONE', uncaptured: pod.metadata.annotations[notCaptured] ?? '', isGateway, unknown };
  },
  touches: (pod) => [{ kind: 'part', pod }],
};

export function* podKeys(pods: Iterable<PodObject>): Iterable<PodKey> {
  for (const { metadata } of pods) yield podKey(metadata);
}

/** How a pod is counted and judged: a gateway is one whatever its labels say. */
export const partOf = ({ isGateway, mode }: Part): Mode | 'GATEWAY' => (isGateway ? 'GATEWAY' : mode);

/** How many pods take part in which way. */
export class PartCounts implements Fold<PodKey, Part> {
  readonly #counts = new Map<Mode | 'GATEWAY', number>();
  #sidecars = 0;

  /** By name of the part, in their order. */
  get counts(): ReadonlyMap<string, number> {
    return new Map([...this.#counts].filter(([, count]) => count > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  get anySidecar(): boolean {
    return this.#sidecars > 0;
  }

  take(_pod: PodKey, { before, after }: Change<Part>): Iterable<Touched> {
    const had = this.anySidecar;
    if (before) this.#count(before, -1);
    if (after) this.#count(after, 1);
    return had === this.anySidecar ? [] : [{ kind: 'sidecars' }];
  }

  #count(one: Part, by: number): void {
    this.#counts.set(partOf(one), (this.#counts.get(partOf(one)) ?? 0) + by);
    if (one.mode === 'SIDECAR') this.#sidecars += by;
  }
}
