import type { ZdsPod } from '@isthmus/api/wire/zds.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import type { EnrolledPod } from '../capture/capture.ts';

/** Most pods of a node; a kubelet runs 110 unless it was configured for more. */
export const maxPods = 4096;

export interface EnrolledPodsDeps {
  /** The cluster in whose name workloads are called. */
  readonly cluster: string;
  readonly log: Log;
  /** Every data worker opens its listeners: resolves with why one could not. */
  readonly enrol: (pod: EnrolledPod) => Promise<string | undefined>;
  /** Every data worker lets it go: resolves once its connections have ended, after the drain at most. */
  readonly leave: (number: number, isAtOnce: boolean) => Promise<void>;
  /** The same for each descriptor of one namespace. */
  readonly identityOf: (namespace: number) => string;
  readonly close: (descriptor: number) => void;
}

interface Entry extends EnrolledPod {
  readonly pod: ZdsPod;
  readonly identity: string;
}

/** A request's answer: why it failed. */
type Problem = string | undefined;

/** The pods that a node agent has enrolled. It owns the descriptors of their namespaces. Requests come one by one. */
export class EnrolledPods {
  readonly #deps: EnrolledPodsDeps;
  readonly #entries = new Map<string, Entry>();
  /** Named on this connection; undefined after its snapshot. */
  #listed: Set<string> | undefined = new Set();
  #next = 1;

  constructor(deps: EnrolledPodsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A node agent has connected: it names all pods again. */
  begin(): void {
    this.#listed = new Set();
  }

  /** Takes the descriptor over. A pod that is captured in that namespace stays as it is. */
  async add(pod: ZdsPod, namespace: number): Promise<Problem> {
    const identity = this.#identityOf(namespace);
    const known = this.#entries.get(pod.uid);
    if (identity === undefined || known?.identity === identity || (!known && this.size >= maxPods)) {
      this.#deps.close(namespace);
      if (identity === undefined) return `${shown(pod)}: the descriptor is not open`;
      if (known?.identity !== identity)
        return `${shown(pod)}: ${maxPods} pods are enrolled, and no more can be`;
      this.#listed?.add(pod.uid);
      return undefined;
    }
    return this.#enrol({ ...this.#numbered(pod), pod, namespace, identity }, known);
  }

  /** It was enrolled on an earlier connection. */
  keep(uid: string): Problem {
    if (!this.#listed) return 'keep comes before the snapshot';
    if (!this.#entries.has(uid)) return `${uid} is not enrolled here: add it`;
    this.#listed.add(uid);
    return undefined;
  }

  /** A pod that is not enrolled has left already. */
  del(uid: string): Problem {
    this.#listed?.delete(uid);
    const known = this.#entries.get(uid);
    if (known) this.#release(known, false);
    return undefined;
  }

  /** Every pod of the node has been named: others have left. */
  snapshot(): Problem {
    const listed = this.#listed;
    if (!listed) return 'a snapshot comes once on a connection';
    this.#listed = undefined;
    for (const [uid, entry] of [...this.#entries]) if (!listed.has(uid)) this.#release(entry, false);
    return undefined;
  }

  async #enrol(entry: Entry, before: Entry | undefined): Promise<Problem> {
    const { pod, number, uid, serviceAccount, namespace } = entry;
    this.#entries.set(pod.uid, entry);
    const problem = await this.#deps.enrol({ number, uid, serviceAccount, namespace });
    if (problem === undefined) {
      this.#listed?.add(pod.uid);
      if (before) this.#free(before, false);
      this.#deps.log.info({ pod: shown(pod), uid: pod.uid, pods: this.size }, 'a pod is captured');
      return undefined;
    }
    if (before) this.#entries.set(pod.uid, before);
    else this.#entries.delete(pod.uid);
    this.#free(entry, true);
    this.#deps.log.warn({ pod: shown(pod), uid: pod.uid, error: problem }, 'a pod is not captured');
    return `${shown(pod)}: ${problem}`;
  }

  #release(entry: Entry, isAtOnce: boolean): void {
    this.#entries.delete(entry.pod.uid);
    this.#free(entry, isAtOnce);
    this.#deps.log.info({ pod: shown(entry.pod), uid: entry.pod.uid, pods: this.size }, 'a pod has left');
  }

  /** Its namespace lives until the last worker has let it go. */
  #free({ number, namespace }: Entry, isAtOnce: boolean): void {
    void this.#deps.leave(number, isAtOnce).then(() => this.#deps.close(namespace));
  }

  #numbered({ namespace, name, serviceAccount }: ZdsPod): Omit<EnrolledPod, 'namespace'> {
    const uid = formatPodUid(this.#deps.cluster, `${namespace}/${name}`);
    return { number: this.#next++, uid, serviceAccount };
  }

  #identityOf(namespace: number): string | undefined {
    try {
      return this.#deps.identityOf(namespace);
    } catch {
      return undefined;
    }
  }
}

const shown = ({ namespace, name }: ZdsPod): string => `${namespace}/${name}`;
