import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';

export type Kind = ClusterObject['kind'];
export type ObjectOf<K extends Kind> = Extract<ClusterObject, { readonly kind: K }>;

/** An object of one kind as it was and as it is. */
export type ObjectChange = {
  readonly [K in Kind]: { readonly kind: K } & Change<ObjectOf<K>>;
}[Kind];

/** Everything that a cluster has, by id and by kind. Ids are those of `objectId`. */
export class Objects {
  readonly #byId = new Map<string, ClusterObject>();
  readonly #byKind = new Map<Kind, Map<string, ClusterObject>>();

  set(id: string, object: ClusterObject): void {
    this.#byId.set(id, object);
    const ofKind = this.#byKind.get(object.kind);
    if (ofKind) ofKind.set(id, object);
    else this.#byKind.set(object.kind, new Map([[id, object]]));
  }

  delete(id: string): void {
    const kind = this.#byId.get(id)?.kind;
    if (kind === undefined) return;
    this.#byId.delete(id);
    this.#byKind.get(kind)?.delete(id);
  }

  byId(id: string): ClusterObject | undefined {
    return this.#byId.get(id);
  }

  /** In the order in which they came. It can be iterated more than once, and shows what is there at that time. */
  all<K extends Kind>(kind: K): Iterable<ObjectOf<K>> {
    const none: readonly ObjectOf<K>[] = [];
    return {
      [Symbol.iterator]: () =>
        ((this.#byKind.get(kind)?.values() ?? none) as Iterable<ObjectOf<K>>)[Symbol.iterator](),
    };
  }
}
