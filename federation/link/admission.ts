import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** Links that open at a time. */
const maxOpening = 64;
/** A link that is not whole after so long goes on without keeping others out, milliseconds. */
const patience = 2000;

/** A link on its way. */
export interface Place {
  readonly state: 'WAITING' | 'OPENING' | 'OPEN';
  /** The link is whole, or over: it waits no more, and keeps no other one out. May be called again. */
  leave(): void;
}

/**
 * Lets links open in the order of their coming, 64 at a time: after a restart of the hub all agents are back at once,
 * and each opening costs more than anything that follows.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #waiting = new Set<Opening>();
  readonly #opening = new Set<Opening>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get opening(): number {
    return this.#opening.size;
  }

  /** `open` is called when the turn of the link has come, which may be at once, unless it has left before. */
  enter(open: () => void): Place {
    const one = new Opening(open, () => this.#left(one));
    this.#waiting.add(one);
    this.#admit();
    return one;
  }

  #admit(): void {
    for (const one of this.#waiting) {
      if (this.#opening.size >= maxOpening) return;
      this.#waiting.delete(one);
      this.#opening.add(one);
      one.begin(this.#clock);
    }
  }

  #left(one: Opening): void {
    this.#waiting.delete(one);
    if (this.#opening.delete(one)) this.#admit();
  }
}

class Opening implements Place {
  state: Place['state'] = 'WAITING';
  readonly #open: () => void;
  readonly #onLeft: () => void;
  #timer: Timer | undefined;

  constructor(open: () => void, onLeft: () => void) {
    this.#open = open;
    this.#onLeft = onLeft;
  }

  begin(clock: Clock): void {
    this.state = 'OPENING';
    this.#timer = clock.after(patience, () => this.leave());
    this.#open();
  }

  leave(): void {
    if (this.state === 'OPEN') return;
    this.state = 'OPEN';
    this.#timer?.cancel();
    this.#onLeft();
  }
}
