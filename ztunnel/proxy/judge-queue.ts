import type { Clock } from '@isthmus/mesh/process/clock.ts';

interface Judged {
  /** The generation of the deltas at its last verdict. */
  readonly judged: number;
}

/** What one delta touched. */
interface Batch<E> {
  readonly generation: number;
  /** Each is walked once, lazily. */
  readonly walks: readonly Iterator<E, undefined>[];
  readonly done: () => void;
}

const sliceMillis = 1;
/** To read the clock costs a hundredth of this many verdicts. */
const verdictsPerLook = 16;

/**
 * Judges connections in slices of about a millisecond, so that others are served between. A slice ends after a look at the
 * clock: after every 16 verdicts, and after each that closes a connection.
 */
export class JudgeQueue<E extends Judged> {
  readonly #clock: Clock;
  readonly #judge: (entry: E) => boolean;
  readonly #nextTurn: (run: () => void) => void;
  readonly #batches: Batch<E>[] = [];
  #armed = false;

  /** `judge` is true if the connection was closed. */
  constructor(
    clock: Clock,
    judge: (entry: E) => boolean,
    nextTurn: (run: () => void) => void = setImmediate,
  ) {
    this.#clock = clock;
    this.#judge = judge;
    this.#nextTurn = nextTurn;
  }

  /**
   * Judges those of `walks`, all of the first before those of the second, and calls `done` when all are. The first slice
   * is over when this returns. One that was judged at `generation` or later is passed over.
   */
  push(walks: readonly Iterable<E, undefined>[], generation: number, done: () => void): void {
    this.#batches.push({ generation, walks: walks.map((walk) => walk[Symbol.iterator]()), done });
    if (!this.#armed) this.#slice();
  }

  #slice(): void {
    const until = this.#clock.monotonic() + sliceMillis;
    let left = verdictsPerLook;
    for (;;) {
      const [batch] = this.#batches;
      if (!batch) return;
      const entry = next(batch.walks);
      if (!entry) {
        this.#batches.shift();
        batch.done();
        continue;
      }
      const closed = entry.judged < batch.generation && this.#judge(entry);
      if (!closed && --left > 0) continue;
      left = verdictsPerLook;
      if (this.#clock.monotonic() >= until) return this.#arm();
    }
  }

  #arm(): void {
    this.#armed = true;
    this.#nextTurn(() => {
      this.#armed = false;
      this.#slice();
    });
  }
}

/** Of the first walk that has one. A walk that is over says so again and again. */
function next<E>(walks: readonly Iterator<E, undefined>[]): E | undefined {
  for (const walk of walks) {
    const { value } = walk.next();
    if (value) return value;
  }
  return undefined;
}
