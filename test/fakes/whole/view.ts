import type {
  ClusterObject,
  NamespaceObject,
  PodObject,
  ServiceObject,
} from '@isthmus/api/kubernetes/objects.ts';

/** The cluster's objects without any index: each question looks at all of them. */
export class WholeView {
  readonly #objects: readonly ClusterObject[];

  constructor(objects: Iterable<ClusterObject>) {
    this.#objects = [...objects];
  }

  all<K extends ClusterObject['kind']>(kind: K): readonly Extract<ClusterObject, { kind: K }>[] {
    return this.#objects.filter(
      (object): object is Extract<ClusterObject, { kind: K }> => object.kind === kind,
    );
  }

  get<K extends ClusterObject['kind']>(
    kind: K,
    namespace: string,
    name: string,
  ): Extract<ClusterObject, { kind: K }> | undefined {
    return this.all(kind).find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  }

  pods(): readonly PodObject[] {
    return this.all('Pod').filter(({ finished }) => !finished);
  }

  podNamed(key: string): PodObject | undefined {
    return this.pods().find(({ metadata: { namespace, name } }) => `${namespace}/${name}` === key);
  }

  selectedBy({ metadata, selector }: ServiceObject): readonly PodObject[] {
    if (Object.keys(selector).length === 0) return [];
    return this.pods().filter(
      (pod) => pod.metadata.namespace === metadata.namespace && selects(selector, pod.metadata.labels),
    );
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
