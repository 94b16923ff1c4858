import type { Clock, EpochMillis, Timer } from '@isthmus/mesh/process/clock.ts';

/** When something is due: by the monotonic clock, or by the wall clock, which may jump. */
export type Due = { readonly monotonic: number } | { readonly wall: EpochMillis };

/** Something that is done when its time has come. */
export interface DueWork {
  readonly name: string;
  /** Undefined: nothing waits. Costs O(1) or little more, as it is asked after every change. */
  nextDue(): Due | undefined;
  run(): void;
}

type TwoClocks = Pick<Clock, 'now' | 'monotonic' | 'after'>;

/** The wall clock is looked at this often while something waits for it. */
const longestWait = 60_000;

/** One timer for all that is due at some time. While nothing waits there is none. */
export class DueTimes {
  readonly #works: readonly DueWork[];
  readonly #clock: TwoClocks;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;
  #isStopped = false;

  constructor(works: readonly DueWork[], clock: TwoClocks) {
    this.#works = works;
    this.#clock = clock;
  }

  /** To be called when the time of some work may be another. */
  arm(): void {
    if (this.#isStopped) return;
    const now = this.#clock.monotonic();
    const wait = Math.min(...this.#works.map((work) => this.#waitFor(work)));
    if (wait === Infinity || (this.#timer && this.#timer.at === now + wait)) return;
    this.#timer?.timer.cancel();
    const timer = this.#clock.after(wait, () => {
      this.#timer = undefined;
      this.#runDue();
    });
    this.#timer = { at: now + wait, timer };
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.timer.cancel();
  }

  #runDue(): void {
    for (const work of this.#works) if (this.#waitFor(work) === 0) work.run();
    this.arm();
  }

  /** Milliseconds; Infinity when nothing waits. */
  #waitFor(work: DueWork): number {
    const due = work.nextDue();
    if (!due) return Infinity;
    if ('monotonic' in due) return Math.max(0, due.monotonic - this.#clock.monotonic());
    return Math.min(longestWait, Math.max(0, due.wall - this.#clock.now()));
  }
}

/** Something that is tried again each second while it is needed. */
export function whileNeeded(
  name: string,
  clock: Pick<Clock, 'monotonic'>,
  isNeeded: () => boolean,
  run: () => void,
): DueWork {
  /** Monotonic. */
  let due: number | undefined;
  return {
    name,
    nextDue() {
      due = isNeeded() ? (due ?? clock.monotonic() + againMillis) : undefined;
      return due === undefined ? undefined : { monotonic: due };
    },
    run() {
      due = undefined;
      run();
    },
  };
}

const againMillis = 1000;

/** What could not be written to the disk is tried again each second. */
export const untilSaved = (
  name: string,
  clock: Pick<Clock, 'monotonic'>,
  part: { readonly isUnsaved: boolean; save(): void },
): DueWork =>
  whileNeeded(
    name,
    clock,
    () => part.isUnsaved,
    () => part.save(),
  );

/** Something that is done again and again. */
export function every(
  name: string,
  clock: Pick<Clock, 'monotonic'>,
  millis: number,
  run: () => void,
): DueWork {
  let due = clock.monotonic() + millis;
  return {
    name,
    nextDue: () => ({ monotonic: due }),
    run() {
      due = clock.monotonic() + millis;
      run();
    },
  };
}
