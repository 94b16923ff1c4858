import type { NamespaceObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { unknownModeOf, type UnknownMode } from '../health/mode-labels.ts';
import type { Change } from '../keys/change-set.ts';
import { podKey, type PodKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import { modeOf, type Mode } from '../view/mode.ts';
import type { Derivation, Fold } from './derivation.ts';

/** How a pod takes part in the mesh. */
export interface Part {
  readonly mode: Mode;
  readonly isGateway: boolean;
  /** A label that should say how, and says nothing. */
  readonly unknown: UnknownMode | undefined;
}

interface Inputs {
  readonly pod: PodObject;
  readonly namespace: NamespaceObject | undefined;
  readonly isGateway: boolean;
}

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
  inputs(key, { view }) {
    const pod = view.podNamed(key);
    if (!pod) return undefined;
    return { pod, namespace: view.namespace(pod.metadata.namespace), isGateway: view.isGateway(pod) };
  },
  derive({ pod, namespace, isGateway }) {
    const view = { namespace: () => namespace };
    return { mode: modeOf(view, pod), isGateway, unknown: unknownModeOf(view, pod) };
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
