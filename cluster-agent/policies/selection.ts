import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { selects } from '../view/selectors.ts';
import { modeOf } from '../view/mode.ts';
import type { NamespaceObjects } from '../view/namespaces.ts';

type Labels = Readonly<Record<string, string>>;

/** The pods of a namespace, indexed by label. */
export class PodsByLabel {
  readonly #pods: readonly PodObject[];
  #byLabel: Map<string, PodObject[]> | undefined;

  constructor(pods: readonly PodObject[]) {
    this.#pods = pods;
  }

  /** An empty selector selects all. */
  selectedBy(selector: Labels): readonly PodObject[] {
    const [first] = Object.entries(selector).map(([key, value]) => labelOf(key, value));
    if (first === undefined) return this.#pods;
    return (this.#index().get(first) ?? []).filter(({ metadata }) => selects(selector, metadata.labels));
  }

  #index(): Map<string, PodObject[]> {
    if (this.#byLabel) return this.#byLabel;
    this.#byLabel = new Map();
    for (const pod of this.#pods)
      for (const [key, value] of Object.entries(pod.metadata.labels)) {
        const label = labelOf(key, value);
        const known = this.#byLabel.get(label);
        if (known) known.push(pod);
        else this.#byLabel.set(label, [pod]);
      }
    return this.#byLabel;
  }
}

/** `=` cannot stand in the key of a label. */
const labelOf = (key: string, value: string): string => `${key}=${value}`;

/** What a policy selects, in one namespace or in several. */
export interface Selection {
  readonly selected: number;
  /** Of these, those that a proxy serves. */
  readonly inMesh: number;
  /** A few that no proxy serves: `<namespace>/<name>`. */
  readonly outside: readonly string[];
}

export const noSelection: Selection = { selected: 0, inMesh: 0, outside: [] };

const maxNamed = 3;

export function selectionOf({ declared }: NamespaceObjects, pods: readonly PodObject[]): Selection {
  const outside = pods.filter((pod) => modeOf({ namespace: () => declared }, pod) === 'NONE');
  return {
    selected: pods.length,
    inMesh: pods.length - outside.length,
    outside: outside.slice(0, maxNamed).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  };
}

export const bothSelections = (one: Selection, other: Selection): Selection => ({
  selected: one.selected + other.selected,
  inMesh: one.inMesh + other.inMesh,
  outside: [...one.outside, ...other.outside].slice(0, maxNamed),
});
