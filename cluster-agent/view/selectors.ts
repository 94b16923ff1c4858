import { Sets } from './sets.ts';

/** Labels of an object, or those that a selector wants. */
export type Labels = Readonly<Record<string, string>>;

/** Every label that is wanted is there; an empty selector selects everything. */
export const selects = (wanted: Labels, labels: Labels): boolean => {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return true;
};

/** The index of a label within a namespace, whose name has no `/`. */
export const labelIn = (namespace: string, key: string, value: string): string =>
  `${namespace}/${key}=${value}`;

/** The indexes of all labels. */
export const labelsIn = (namespace: string, labels: Labels): readonly string[] =>
  Object.entries(labels).map(([key, value]) => labelIn(namespace, key, value));

interface Filed {
  readonly namespace: string;
  readonly selector: Labels;
  /** The label that it is filed under; undefined for an empty selector. */
  readonly under: string | undefined;
}

/**
 * Selectors by namespace, to be found by the labels of a pod. Each is filed under that of its labels under which the
 * fewest are: adding and removing cost O(labels), and a query O(labels + candidates).
 */
export class Selectors<Key extends string> {
  readonly #filed = new Map<Key, Filed>();
  readonly #byLabel = new Sets<string, Key>();
  /** Those that select everything, by namespace. */
  readonly #empty = new Sets<string, Key>();

  set(key: Key, namespace: string, selector: Labels): void {
    this.delete(key);
    const under = this.#rarest(labelsIn(namespace, selector));
    this.#filed.set(key, { namespace, selector, under });
    if (under === undefined) this.#empty.add(namespace, key);
    else this.#byLabel.add(under, key);
  }

  delete(key: Key): void {
    const filed = this.#filed.get(key);
    if (!filed) return;
    this.#filed.delete(key);
    if (filed.under === undefined) this.#empty.delete(filed.namespace, key);
    else this.#byLabel.delete(filed.under, key);
  }

  /** Those of a namespace that select these labels, without the empty ones. */
  *selecting(namespace: string, labels: Labels): Iterable<Key> {
    for (const name in labels)
      for (const key of this.#byLabel.get(labelIn(namespace, name, labels[name] ?? '')))
        if (selects(this.#filed.get(key)?.selector ?? {}, labels)) yield key;
  }

  /** The empty ones of a namespace. */
  everything(namespace: string): ReadonlySet<Key> {
    return this.#empty.get(namespace);
  }

  #rarest(labels: readonly string[]): string | undefined {
    let best: string | undefined;
    let fewest = Infinity;
    for (const label of labels) {
      const { size } = this.#byLabel.get(label);
      if (size < fewest) [best, fewest] = [label, size];
    }
    return best;
  }
}
