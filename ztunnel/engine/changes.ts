import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { IndexMap } from '@isthmus/mesh/state/index-map.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';

/** Those who wait for a pod of this node to be known, by its address. */
export class Changes {
  readonly #clock: Clock;
  readonly #waiting = new IndexMap<() => void>();
  readonly #all = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when something of the address has changed, or after the time: at least a millisecond, so that who asks in a
   * loop lets others run.
   */
  wait(address: string, millis: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        this.#waiting.delete(address, wake);
        this.#all.delete(wake);
        resolve();
      };
      const timer = this.#clock.after(Math.max(1, millis), wake);
      this.#waiting.add(address, wake);
      this.#all.add(wake);
    });
  }

  /** Wakes those whose address was touched, and all when a workload of `node` was: it may be served here now. */
  follow({ sources, nodes }: Touched, node: string): void {
    if (this.#all.size === 0) return;
    for (const address of sources) for (const wake of this.#waiting.get(address)) wake();
    if (nodes.has(node)) for (const wake of [...this.#all]) wake();
  }

  /** How many wait. */
  get size(): number {
    return this.#all.size;
  }
}
