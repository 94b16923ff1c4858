import type { PodKey } from '../keys/names.ts';

const none: readonly never[] = [];

/** Pods by some key. Most keys have one pod, which takes no set of its own: a cluster has tens of thousands of them. */
export class PodsBy {
  readonly #pods = new Map<string, PodKey | Set<PodKey>>();

  add(key: string, pod: PodKey): void {
    const known = this.#pods.get(key);
    if (known === undefined) this.#pods.set(key, pod);
    else if (typeof known !== 'string') known.add(pod);
    else if (known !== pod) this.#pods.set(key, new Set([known, pod]));
  }

  delete(key: string, pod: PodKey): void {
    const known = this.#pods.get(key);
    if (known === pod) this.#pods.delete(key);
    else if (typeof known === 'object' && known.delete(pod) && known.size === 0) this.#pods.delete(key);
  }

  /** In the order in which they were added. */
  of(key: string): Iterable<PodKey> {
    const known = this.#pods.get(key);
    if (known === undefined) return none;
    return typeof known === 'string' ? [known] : known;
  }

  has(key: string): boolean {
    return this.#pods.has(key);
  }
}
