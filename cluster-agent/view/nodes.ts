import type { NodeObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { placeIn } from './sorted.ts';

/** Nodes in the order of their names. */
export class Nodes {
  readonly #byName = new Map<string, NodeObject>();
  readonly #names: string[] = [];

  /** True when clients of the cluster are in another place now. */
  update({ before, after }: Change<NodeObject>): boolean {
    const some = after ?? before;
    if (!some) return false;
    const was = this.first;
    const { name } = some.metadata;
    const at = placeIn(this.#names, name);
    if (!before) this.#names.splice(at, 0, name);
    if (!after) this.#names.splice(at, 1);
    if (after) this.#byName.set(name, after);
    else this.#byName.delete(name);
    return was?.region !== this.first?.region || was?.zone !== this.first?.zone;
  }

  /** The first by name, which says where clients of the cluster are. */
  get first(): NodeObject | undefined {
    const [name] = this.#names;
    return name === undefined ? undefined : this.#byName.get(name);
  }
}
