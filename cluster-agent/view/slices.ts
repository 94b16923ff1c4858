import type { EndpointSliceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { Sets } from './sets.ts';

interface Ref {
  readonly namespace: string;
  readonly name: string;
}

/** EndpointSlices by the service that they are of, by the pods that they name, and by the nodes of other endpoints. */
export class Slices {
  readonly #all = new Map<string, EndpointSliceObject>();
  readonly #byService = new Sets<string, string>();
  readonly #byPod = new Sets<string, string>();
  readonly #byNode = new Sets<string, string>();

  update({ before, after }: Change<EndpointSliceObject>): void {
    const some = after ?? before;
    if (!some) return;
    const key = nameOf(some.metadata);
    if (after) this.#all.set(key, after);
    else this.#all.delete(key);
    this.#byService.move(key, serviceOf(before), serviceOf(after));
    this.#byPod.move(key, podsOf(before), podsOf(after));
    this.#byNode.move(key, nodesOf(before), nodesOf(after));
  }

  /** Those that name the service as theirs. */
  of(service: Ref): Iterable<EndpointSliceObject> {
    return this.#named(this.#byService.get(nameOf(service)));
  }

  /** `pod`: `<namespace>/<name>`. */
  naming(pod: string): Iterable<EndpointSliceObject> {
    return this.#named(this.#byPod.get(pod));
  }

  /** Those with an endpoint on the node that is not a pod. */
  withEndpointsOn(node: string): Iterable<EndpointSliceObject> {
    return this.#named(this.#byNode.get(node));
  }

  *#named(keys: Iterable<string>): Iterable<EndpointSliceObject> {
    for (const key of keys) {
      const slice = this.#all.get(key);
      if (slice) yield slice;
    }
  }
}

const nameOf = ({ namespace, name }: Ref): string => `${namespace}/${name}`;

const serviceOf = (slice: EndpointSliceObject | undefined): readonly string[] =>
  slice ? [nameOf({ namespace: slice.metadata.namespace, name: slice.service })] : [];

const podsOf = (slice: EndpointSliceObject | undefined): readonly string[] =>
  slice?.endpoints.map(({ pod }) => pod).filter((pod) => pod !== '') ?? [];

const nodesOf = (slice: EndpointSliceObject | undefined): readonly string[] =>
  slice?.endpoints.filter(({ pod }) => pod === '').map(({ nodeName }) => nodeName) ?? [];
