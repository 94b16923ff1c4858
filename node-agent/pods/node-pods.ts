import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import type { ObjectChange } from '@isthmus/api/kube/reflection.ts';
import { Reflector } from '@isthmus/api/kube/reflector.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { namespaces, pods } from '../access.ts';

interface Deps {
  readonly server: Pick<ApiServer, 'list' | 'watch'>;
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Labels of a namespace are others now: before `onPod` of its pods. */
  readonly onNamespace: () => void;
  /** What is known of these pods is another now, by uid. `isGone`: it is no longer at the API server. */
  readonly onPod: (uid: string, isGone: boolean) => void;
}

type Labels = Readonly<Record<string, string>>;
const none: Labels = {};

/** The pods of one node and the labels of all namespaces, as the API server has them. */
export class NodePods {
  readonly #deps: Deps;
  readonly #pods = new Map<string, PodObject>();
  /** By `<namespace>/<name>`, as a pod of a name may be replaced by another. */
  readonly #uids = new Map<string, string>();
  readonly #labels = new Map<string, Labels>();
  readonly #reflectors: readonly Reflector[];

  constructor(deps: Deps) {
    this.#deps = deps;
    const query = { fieldSelector: `spec.nodeName=${deps.node}` };
    this.#reflectors = [
      this.#reflect(namespaces, {}, (change) => this.#namespace(change)),
      this.#reflect(pods, query, (change) => this.#pod(change)),
    ];
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  get synced(): boolean {
    return this.#reflectors.every(({ known }) => known === 'LISTED');
  }

  /** What does not work in reading them now; undefined: nothing. */
  get trouble(): string | undefined {
    return this.#reflectors.find(({ trouble }) => trouble)?.trouble?.failure.message;
  }

  pod(uid: string): PodObject | undefined {
    return this.#pods.get(uid);
  }

  get uids(): readonly string[] {
    return [...this.#pods.keys()];
  }

  /** None for a namespace that is not known. */
  labels(namespace: string): Labels {
    return this.#labels.get(namespace) ?? none;
  }

  /** Namespaces whose labels are such. */
  labelled(such: (labels: Labels) => boolean): readonly string[] {
    return [...this.#labels].flatMap(([name, labels]) => (such(labels) ? [name] : []));
  }

  #reflect(
    resource: Resource,
    query: Readonly<Record<string, string>>,
    take: (change: ObjectChange) => void,
  ): Reflector {
    const { server, clock, random } = this.#deps;
    const onChanges = (changes: readonly ObjectChange[]) => changes.forEach(take);
    return new Reflector({ server, resource, query, clock, random, onChanges });
  }

  /** A change of labels reaches the pods of the namespace alone. */
  #namespace(change: ObjectChange): void {
    const name = change.key.slice(change.key.indexOf('/') + 1);
    const before = this.labels(name);
    if (change.type === 'gone') this.#labels.delete(name);
    else {
      const object = this.#decoded(change.object);
      if (object?.kind === 'Namespace') this.#labels.set(name, object.metadata.labels);
    }
    if (before === this.labels(name)) return;
    this.#deps.onNamespace();
    for (const [uid, { metadata }] of this.#pods)
      if (metadata.namespace === name) this.#deps.onPod(uid, false);
  }

  #pod(change: ObjectChange): void {
    const before = this.#uids.get(change.key);
    const object = change.type === 'put' ? this.#decoded(change.object) : undefined;
    const pod = object?.kind === 'Pod' ? object : undefined;
    // What can no longer be read stays as it was.
    if (change.type === 'put' && !pod) return;
    if (before !== undefined && before !== pod?.metadata.uid) {
      this.#pods.delete(before);
      this.#uids.delete(change.key);
      this.#deps.onPod(before, true);
    }
    if (!pod) return;
    this.#uids.set(change.key, pod.metadata.uid);
    this.#pods.set(pod.metadata.uid, pod);
    this.#deps.onPod(pod.metadata.uid, false);
  }

  #decoded(raw: object) {
    const decoded = decodeObject(raw);
    if (!decoded.ok) {
      const { object, field, message } = decoded.error;
      this.#deps.log.warn({ object, field }, `an object is refused: ${message}`);
      return undefined;
    }
    return decoded.value.kind === 'object' ? decoded.value.object : undefined;
  }
}
