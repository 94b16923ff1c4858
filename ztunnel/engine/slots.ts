/**
 * What a worker carries at once is bounded: each accepted connection and each CONNECT takes a slot for as long as it
 * lasts, whether it shakes hands, waits for a policy, is dialled for, or carries bytes. Who finds none is dropped.
 */
export class Slots {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Gives the slot back when it is called, once; undefined when none is free. */
  take(): (() => void) | undefined {
    if (this.#taken >= this.#most) return undefined;
    this.#taken++;
    let held = true;
    return () => {
      if (held) this.#taken--;
      held = false;
    };
  }
}
