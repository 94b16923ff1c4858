import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { IndexMap } from '@isthmus/mesh/state/index-map.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';
import type { LocalPod } from '../capture/capture.ts';

/** Callers that wait until a pod of this node is known. */
export class PodWaiters {
  readonly #clock: Clock;
  readonly #byUid = new IndexMap<() => void>();
  readonly #byAddress = new IndexMap<() => void>();
  readonly #all = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when something of the pod has changed, or after the time: at least a millisecond, so that a
   * loop of waits lets others run.
   */
  wait(pod: LocalPod, millis: number): Promise<void> {
    const [index, key] = pod.kind === 'uid' ? [this.#byUid, pod.uid] : [this.#byAddress, pod.address];
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        index.delete(key, wake);
        this.#all.delete(wake);
        resolve();
      };
      const timer = this.#clock.after(Math.max(1, millis), wake);
      index.add(key, wake);
      this.#all.add(wake);
    });
  }

  /** Wakes those whose pod was touched, and all when a workload of `node` was: it may be served here now. */
  follow({ workloads, sources, nodes }: Touched, node: string): void {
    if (this.#all.size === 0) return;
    for (const uid of workloads) for (const wake of this.#byUid.get(uid)) wake();
    for (const address of sources) for (const wake of this.#byAddress.get(address)) wake();
    if (nodes.has(node)) for (const wake of [...this.#all]) wake();
  }

  /** How many wait. */
  get size(): number {
    return this.#all.size;
  }
}
