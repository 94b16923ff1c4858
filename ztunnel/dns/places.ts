/** So many at a time of one pod, and of all together. */
export interface PlaceLimits {
  readonly ofPod: number;
  readonly all: number;
}

/** Counts what is in progress, by pod. */
export class Places {
  readonly #limits: PlaceLimits;
  readonly #byPod = new Map<string, number>();
  #taken = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  /** What gives the place back, once; undefined when there is none. */
  take(pod: string): (() => void) | undefined {
    const taken = this.#byPod.get(pod) ?? 0;
    if (taken >= this.#limits.ofPod || this.#taken >= this.#limits.all) return undefined;
    this.#byPod.set(pod, taken + 1);
    this.#taken++;
    return () => this.#release(pod);
  }

  get taken(): number {
    return this.#taken;
  }

  #release(pod: string): void {
    const left = (this.#byPod.get(pod) ?? 1) - 1;
    if (left > 0) this.#byPod.set(pod, left);
    else this.#byPod.delete(pod);
    this.#taken--;
  }
}
