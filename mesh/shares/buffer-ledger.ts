import type { Clock, Timer } from '../process/clock.ts';

const nothing = (): number => 0;

/**
 * One direction of a tunnel whose receiver is not reading. Each direction has one object, which is also its entry in the
 * ledger's queue: a busy tunnel stalls at every chunk, and a long-lived Map that changed at every chunk made V8 collect
 * its old generation three times as often.
 */
export class Stall {
  /** What is held in memory for it now. */
  readonly bytes: () => number;
  /** What its sender adds at least once more before it stops, as a stream of Node does. */
  readonly ahead: () => number;
  /** Ends the tunnel as a reset. */
  readonly reset: () => void;
  /** Monotonic, when it began. */
  since = 0;
  /** What its ledger counts for it. */
  charged = 0;
  next: Stall | undefined;
  previous: Stall | undefined;

  constructor(bytes: () => number, reset: () => void, ahead: () => number = nothing) {
    this.bytes = bytes;
    this.reset = reset;
    this.ahead = ahead;
  }
}

/** Shorter stalls are the ordinary course of a tunnel that is busy. */
const stalledMillis = 1000;
const lookMillis = 250;
/** While nothing is read, so that reading goes on soon after enough has been taken. */
const overflowingLookMillis = 20;
/** What may come between two looks for the hard limit, so that they cost little where the share is nearly used up. */
export const grain = 1024 * 1024;

/** A limit that is held at once, by not reading. */
export interface HardLimit {
  /** Bytes, more than the ledger's own limit. */
  readonly bytes: number;
  /** Called with true when more than that are held: let nothing more come. With false when the own limit holds again. */
  readonly onChange: (overflowing: boolean) => void;
}

const noHardLimit: HardLimit = { bytes: Infinity, onChange: () => undefined };

/**
 * The bytes that tunnels of one identity hold while their receivers pause. A tunnel may stay so for days. When the
 * identity's share is used up, the one that has been stalled longest is reset, and then the next.
 *
 * A tunnel counts as stalled after a second, in which fifty connections bring more than a proxy has. So there may be a
 * hard limit as well: above it nothing is read until the share holds again, because receivers have read on or because
 * stalled tunnels were reset. It cannot stay so: every tunnel that holds bytes goes on within a second or is reset.
 */
export class BufferLedger {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #onReset: () => void;
  readonly #hard: HardLimit;
  /** A ring: after it comes the longest stalled, before it the one that stalled last. */
  readonly #ring = new Stall(nothing, nothing);
  #total = 0;
  /** What has come for tunnels that stand still since all were looked at; some of it has been taken meanwhile. */
  #unseen = 0;
  /** All are looked at when `#total` and `#unseen` are more than this. */
  #lookAbove: number;
  #overflowing = false;
  #look: Timer | undefined;

  constructor(clock: Clock, limit: number, onReset: () => void, hard = noHardLimit) {
    this.#clock = clock;
    this.#limit = limit;
    this.#onReset = onReset;
    this.#hard = hard;
    this.#lookAbove = hard.bytes;
    this.#ring.next = this.#ring.previous = this.#ring;
  }

  get total(): number {
    return this.#total;
  }

  get full(): boolean {
    return this.#total > this.#limit;
  }

  begin(stall: Stall): void {
    if (stall.next !== undefined) return;
    stall.since = this.#clock.monotonic();
    stall.charged = stall.bytes() + stall.ahead();
    this.#total += stall.charged;
    this.#append(stall);
    // What has stopped may still receive what its window allows; until the next look that is taken to be `ahead`.
    if (this.#look === undefined) this.#lookAgain();
    this.#holdHardLimit();
  }

  /** So many bytes have come for a tunnel that stands still. */
  grew(bytes: number): void {
    this.#unseen += bytes;
    this.#holdHardLimit();
  }

  end(stall: Stall): void {
    const { next, previous } = stall;
    if (next === undefined || previous === undefined) return;
    previous.next = next;
    next.previous = previous;
    stall.next = stall.previous = undefined;
    this.#total -= stall.charged;
  }

  #append(stall: Stall): void {
    const last = this.#ring.previous ?? this.#ring;
    stall.previous = last;
    stall.next = this.#ring;
    last.next = this.#ring.previous = stall;
  }

  *#stalls(): Generator<Stall> {
    for (let stall = this.#ring.next; stall && stall !== this.#ring;) {
      const { next } = stall;
      yield stall;
      stall = next;
    }
  }

  #holdHardLimit(): void {
    if (this.#overflowing || this.#total + this.#unseen <= this.#lookAbove) return;
    this.#measure();
    if (this.#total <= this.#hard.bytes) return;
    this.#overflowing = true;
    this.#hard.onChange(true);
    this.#lookAgain();
  }

  #measure(): void {
    for (const stall of this.#stalls()) {
      const bytes = stall.bytes();
      this.#total += bytes - stall.charged;
      stall.charged = bytes;
    }
    this.#unseen = 0;
    this.#lookLater();
  }

  #lookLater(): void {
    this.#lookAbove = Math.max(this.#hard.bytes, this.#total + grain);
  }

  #lookAgain(): void {
    this.#look?.cancel();
    const millis = this.#overflowing ? overflowingLookMillis : lookMillis;
    this.#look = this.#clock.after(millis, () => this.#again());
  }

  #again(): void {
    this.#look = undefined;
    this.#measure();
    this.#resetStalled();
    this.#lookLater();
    if (this.#overflowing && !this.full) {
      this.#overflowing = false;
      this.#hard.onChange(false);
    }
    if (this.#ring.next !== this.#ring) this.#lookAgain();
  }

  #resetStalled(): void {
    const before = this.#clock.monotonic() - stalledMillis;
    // The first is looked up again each time: a reset may end others too.
    for (let first = this.#ring.next; first && first !== this.#ring; first = this.#ring.next) {
      if (!this.full || first.since > before) return;
      this.end(first);
      if (first.charged === 0) {
        // It holds nothing that a reset would free.
        this.begin(first);
        continue;
      }
      this.#onReset();
      first.reset();
    }
  }
}
