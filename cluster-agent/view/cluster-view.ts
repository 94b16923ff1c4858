import { placeOfRejection, type Rejection } from '@isthmus/api/domain/rejection.ts';
import type {
  ClusterObject,
  NamespaceObject,
  PodObject,
  ServiceObject,
} from '@isthmus/api/kubernetes/objects.ts';
import type { SourceEvent } from '../source/source.ts';
import { Namespaces, type NamespaceObjects } from './namespaces.ts';

/** The cluster as it was last seen. `apply` alone writes; nothing is published before it has synced. */
export class ClusterView {
  readonly #objects = new Map<string, ClusterObject>();
  readonly #namespaces = new Namespaces();
  readonly #rejections = new Map<string, readonly Rejection[]>();
  /** By their places; undefined when it has to be made anew. */
  #sorted: ReadonlyMap<string, Rejection> | undefined;
  #synced = false;

  get synced(): boolean {
    return this.#synced;
  }

  apply(batch: readonly SourceEvent[]): void {
    for (const event of batch)
      switch (event.type) {
        case 'upsert':
          this.#hold(event.id, asHeld(event.object));
          break;
        case 'remove':
          this.#forget(event.id);
          break;
        case 'rejections':
          if (event.rejections.length > 0) this.#rejections.set(event.origin, event.rejections);
          else this.#rejections.delete(event.origin);
          this.#sorted = undefined;
          break;
        case 'synced':
          this.#synced = true;
      }
  }

  #hold(id: string, object: ClusterObject): void {
    this.#objects.set(id, object);
    this.#namespaces.set(id, object);
  }

  #forget(id: string): void {
    const object = this.#objects.get(id);
    if (!object) return;
    this.#objects.delete(id);
    this.#namespaces.delete(id, object);
  }

  all<K extends ClusterObject['kind']>(kind: K): readonly Extract<ClusterObject, { kind: K }>[] {
    return [...this.#objects.values()].filter(
      (object): object is Extract<ClusterObject, { kind: K }> => object.kind === kind,
    );
  }

  byId(id: string): ClusterObject | undefined {
    return this.#objects.get(id);
  }

  get<K extends ClusterObject['kind']>(
    kind: K,
    namespace: string,
    name: string,
  ): Extract<ClusterObject, { kind: K }> | undefined {
    return this.#objects.get(`${kind}/${namespace}/${name}`) as
      Extract<ClusterObject, { kind: K }> | undefined;
  }

  /** Gravest first. */
  get rejections(): readonly Rejection[] {
    return [...this.rejectionsByPlace.values()];
  }

  /** Gravest first, by `placeOfRejection`. */
  get rejectionsByPlace(): ReadonlyMap<string, Rejection> {
    this.#sorted ??= sorted([...this.#rejections.values()].flat());
    return this.#sorted;
  }

  /** Those that have processes: one that is being deleted has them still, one that has finished has none. */
  pods(): readonly PodObject[] {
    return this.all('Pod').filter(({ finished }) => !finished);
  }

  /** By `<namespace>/<name>`, unless it has finished. */
  podNamed(name: string): PodObject | undefined {
    const pod = this.#objects.get(`Pod/${name}`);
    return pod?.kind === 'Pod' && !pod.finished ? pod : undefined;
  }

  /** Pods that a service selects; none for a service without a selector. */
  selectedBy({ metadata, selector }: ServiceObject): readonly PodObject[] {
    if (Object.keys(selector).length === 0) return [];
    return this.pods().filter(
      (pod) => pod.metadata.namespace === metadata.namespace && selects(selector, pod.metadata.labels),
    );
  }

  /** What security policies rest on, by namespace. */
  namespaces(): readonly NamespaceObjects[] {
    return this.#namespaces.all();
  }

  namespace(name: string): NamespaceObject | undefined {
    return this.get('Namespace', '', name);
  }
}

/** Every label that is wanted is there; an empty selector selects everything. */
export const selects = (
  wanted: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(wanted).every(([key, value]) => labels[key] === value);

const sorted = (rejections: readonly Rejection[]): ReadonlyMap<string, Rejection> =>
  new Map(
    rejections
      .map((one) => [placeOfRejection(one), one] as const)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );

/** A pod that is being deleted is not ready, whatever its probes say: as for endpoints in Kubernetes and in Istio. */
const asHeld = (object: ClusterObject): ClusterObject =>
  object.kind === 'Pod' && object.deleted && object.ready ? { ...object, ready: false } : object;
