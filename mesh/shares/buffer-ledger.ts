import type { Clock, Timer } from '../process/clock.ts';

/** One direction of a tunnel whose receiver takes nothing for now. */
export interface Stall {
  /** What is held in memory for it now. */
  readonly bytes: () => number;
  /** Ends the tunnel as a reset. */
  readonly reset: () => void;
}

/** Shorter stalls are the ordinary course of a tunnel that is busy. */
const stalledMillis = 1000;
const lookMillis = 250;

interface Charge {
  readonly since: number;
  bytes: number;
}

/**
 * The bytes that tunnels of one identity hold while their receivers pause. A tunnel may stay so for days. When the
 * identity's share is used up, the one that has been stalled longest is reset, and then the next.
 */
export class BufferLedger {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #onReset: () => void;
  /** The longest stalled first. */
  readonly #stalls = new Map<Stall, Charge>();
  #total = 0;
  #look: Timer | undefined;

  constructor(clock: Clock, limit: number, onReset: () => void) {
    this.#clock = clock;
    this.#limit = limit;
    this.#onReset = onReset;
  }

  get total(): number {
    return this.#total;
  }

  get full(): boolean {
    return this.#total > this.#limit;
  }

  begin(stall: Stall): void {
    if (this.#stalls.has(stall)) return;
    const bytes = stall.bytes();
    this.#stalls.set(stall, { since: this.#clock.monotonic(), bytes });
    this.#total += bytes;
    // What has stopped may still receive what its window allows.
    this.#look ??= this.#clock.after(lookMillis, () => this.#again());
  }

  end(stall: Stall): void {
    this.#total -= this.#stalls.get(stall)?.bytes ?? 0;
    this.#stalls.delete(stall);
  }

  #again(): void {
    this.#look = this.#stalls.size === 0 ? undefined : this.#clock.after(lookMillis, () => this.#again());
    for (const [stall, charge] of this.#stalls) {
      const bytes = stall.bytes();
      this.#total += bytes - charge.bytes;
      charge.bytes = bytes;
    }
    const before = this.#clock.monotonic() - stalledMillis;
    for (const [stall, { since }] of this.#stalls) {
      if (!this.full || since > before) return;
      this.end(stall);
      this.#onReset();
      stall.reset();
    }
  }
}
