import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { podKey, type PodKey } from '../keys/names.ts';
import { labelsIn, selects, type Labels } from './selectors.ts';
import { Sets } from './sets.ts';

/** The pods that have processes: one that is being deleted has them still, one that has finished has none. */
export class Pods {
  readonly #live = new Map<PodKey, PodObject>();
  readonly #byNamespace = new Sets<string, PodKey>();
  readonly #byNode = new Sets<string, PodKey>();
  readonly #byLabel = new Sets<string, PodKey>();
  /** How many pods of an account run on a node. */
  readonly #accounts = new Map<string, number>();

  /** True when it is another number of pods now. */
  update(change: Change<PodObject>): boolean {
    const { before, after } = ofLive(change);
    const some = after ?? before;
    if (!some) return false;
    const { namespace } = some.metadata;
    const key = podKey(some.metadata);
    if (after) this.#live.set(key, after);
    else this.#live.delete(key);
    if (!before) this.#byNamespace.add(namespace, key);
    if (!after) this.#byNamespace.delete(namespace, key);
    this.#byNode.move(key, nodesOf(before), nodesOf(after));
    if (before?.metadata.labels !== after?.metadata.labels)
      this.#byLabel.move(key, labelsOf(before), labelsOf(after));
    if (before) this.#count(before, -1);
    if (after) this.#count(after, 1);
    return !before || !after;
  }

  get size(): number {
    return this.#live.size;
  }

  all(): Iterable<PodObject> {
    return { [Symbol.iterator]: () => this.#live.values() };
  }

  keys(): Iterable<PodKey> {
    return { [Symbol.iterator]: () => this.#live.keys() };
  }

  /** Undefined also for what is no key of a pod. */
  get(key: string): PodObject | undefined {
    const live: ReadonlyMap<string, PodObject> = this.#live;
    return live.get(key);
  }

  inNamespace(namespace: string): Iterable<PodObject> {
    return this.#named(this.#byNamespace.get(namespace));
  }

  onNode(node: string): Iterable<PodObject> {
    return this.#named(this.#byNode.get(node));
  }

  runsOn(node: string, namespace: string, serviceAccount: string): boolean {
    return this.#accounts.has(accountOn(node, namespace, serviceAccount));
  }

  /** Costs as much as there are pods of the namespace with that label of the selector which the fewest have. */
  *selectedBy(namespace: string, selector: Labels): Iterable<PodObject> {
    const candidates = labelsIn(namespace, selector)
      .map((label) => this.#byLabel.get(label))
      .reduce(smaller, this.#byNamespace.get(namespace));
    for (const pod of this.#named(candidates)) if (selects(selector, pod.metadata.labels)) yield pod;
  }

  *#named(keys: Iterable<PodKey>): Iterable<PodObject> {
    for (const key of keys) {
      const pod = this.#live.get(key);
      if (pod) yield pod;
    }
  }

  #count({ nodeName, metadata, serviceAccount }: PodObject, by: number): void {
    const key = accountOn(nodeName, metadata.namespace, serviceAccount);
    const count = (this.#accounts.get(key) ?? 0) + by;
    if (count > 0) this.#accounts.set(key, count);
    else this.#accounts.delete(key);
  }
}

/** What has finished counts as if it were not there. */
export const ofLive = ({ before, after }: Change<PodObject>): Change<PodObject> => ({
  before: before?.finished ? undefined : before,
  after: after?.finished ? undefined : after,
});

const smaller = <T>(one: ReadonlySet<T>, other: ReadonlySet<T>): ReadonlySet<T> =>
  other.size < one.size ? other : one;

const nodesOf = (pod: PodObject | undefined): readonly string[] => (pod ? [pod.nodeName] : []);

const labelsOf = (pod: PodObject | undefined): readonly string[] =>
  pod ? labelsIn(pod.metadata.namespace, pod.metadata.labels) : [];

/** A list as text, as the name of a node may have any character. */
const accountOn = (node: string, namespace: string, account: string): string =>
  JSON.stringify([node, namespace, account]);
