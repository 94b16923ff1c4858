import type { WorkloadEntryObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { labelsIn, selects, type Labels } from './selectors.ts';
import { Sets } from './sets.ts';

/** WorkloadEntries by name, and by the labels by which services select them. */
export class WorkloadEntries {
  readonly #all = new Map<string, WorkloadEntryObject>();
  readonly #byLabel = new Sets<string, string>();

  update({ before, after }: Change<WorkloadEntryObject>): void {
    const some = after ?? before;
    if (!some) return;
    const name = entryName(some);
    if (after) this.#all.set(name, after);
    else this.#all.delete(name);
    this.#byLabel.move(name, labelsOf(before), labelsOf(after));
  }

  /** `<namespace>/<name>` */
  get(name: string): WorkloadEntryObject | undefined {
    return this.#all.get(name);
  }

  /** Those with all of these labels; none for an empty selector. Costs as much as there are with the rarest of them. */
  *selectedBy(namespace: string, selector: Labels): Iterable<WorkloadEntryObject> {
    const candidates = labelsIn(namespace, selector).map((label) => this.#byLabel.get(label));
    const [first = new Set<string>()] = candidates.sort((a, b) => a.size - b.size);
    for (const name of first) {
      const entry = this.#all.get(name);
      if (entry && selects(selector, entry.workload.labels)) yield entry;
    }
  }
}

/** `<namespace>/<name>` of an object of Istio that touches a key by this name. */
export const entryName = ({
  metadata: { namespace, name },
}: {
  readonly metadata: { readonly namespace: string; readonly name: string };
}): string => `${namespace}/${name}`;

const labelsOf = (entry: WorkloadEntryObject | undefined): readonly string[] =>
  entry ? labelsIn(entry.metadata.namespace, entry.workload.labels) : [];
