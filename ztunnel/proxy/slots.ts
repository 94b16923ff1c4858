import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** All slots taken and none given back for this long is no burst any more: this proxy serves nobody new. */
export const stuckMillis = 30_000;

/**
 * What a worker carries at once is bounded: each accepted connection and each CONNECT takes a slot for as long as it
 * lasts, whether it shakes hands, waits for a policy, is dialled for, or carries bytes. Who finds none is dropped.
 */
export class Slots {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #onStuck: (stuck: boolean) => void;
  #taken = 0;
  #full: Timer | undefined;
  #stuck = false;

  /** `onStuck(true)` is called when all slots were taken for 30 s and none was released, `onStuck(false)` when one is released again. */
  constructor(max: number, clock: Clock, onStuck: (stuck: boolean) => void) {
    this.#max = max;
    this.#clock = clock;
    this.#onStuck = onStuck;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Gives the slot back when it is called, once; undefined when none is free. */
  take(): (() => void) | undefined {
    if (this.#taken >= this.#max) return undefined;
    if (++this.#taken === this.#max) this.#full = this.#clock.after(stuckMillis, () => this.#tell(true));
    let held = true;
    return () => {
      if (held) this.#release();
      held = false;
    };
  }

  #release(): void {
    this.#taken--;
    this.#full?.cancel();
    this.#full = undefined;
    if (this.#stuck) this.#tell(false);
  }

  #tell(stuck: boolean): void {
    this.#stuck = stuck;
    this.#onStuck(stuck);
  }
}
