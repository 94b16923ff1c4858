import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';

/** Lines of one kind that are written at once; then one a second. */
const usualBurst = 10;
const everyMillis = 1000;
/** Most kinds that are counted apart; what comes beyond them is counted together. */
const maxKinds = 1000;

type Write = (leftOut: number) => void;

interface Kind {
  /** Lines that may be written now. */
  left: number;
  /** Monotonic milliseconds, when `left` was right. */
  at: number;
  leftOut: number;
  last: Write | undefined;
  timer: Timer | undefined;
}

/**
 * Lines of which others decide how many there are: refusals and failures. Of each kind a few are written as they come
 * and then one a second, whose `suppressed` says how many were left out for it. The last ones are never left out
 * without a line: each line stands for itself and for those that it counts, so that the sum is what has happened.
 */
export class LimitedLines {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #burst: number;
  readonly #kinds = new Map<string, Kind>();

  constructor(clock: Clock, log: Log, burst = usualBurst) {
    this.#clock = clock;
    this.#log = log;
    this.#burst = burst;
  }

  /** `kind` is what is limited together: of few values, never a name that a stranger chose. */
  warn(kind: string, fields: object, message: string): void {
    this.#say(kind, (leftOut) => this.#log.warn(counted(fields, leftOut), message));
  }

  error(kind: string, fields: object, message: string): void {
    this.#say(kind, (leftOut) => this.#log.error(counted(fields, leftOut), message));
  }

  #say(name: string, write: Write): void {
    const kind = this.#kindOf(name);
    const now = this.#clock.monotonic();
    kind.left = Math.min(this.#burst, kind.left + (now - kind.at) / everyMillis);
    kind.at = now;
    if (kind.left >= 1 && !kind.timer) {
      kind.left--;
      write(0);
      return;
    }
    kind.leftOut++;
    kind.last = write;
    kind.timer ??= this.#clock.after(everyMillis, () => this.#tellLast(kind));
  }

  #tellLast(kind: Kind): void {
    const { last, leftOut } = kind;
    kind.timer = undefined;
    kind.last = undefined;
    kind.leftOut = 0;
    // It stands for the second that has passed.
    kind.left = 0;
    kind.at = this.#clock.monotonic();
    last?.(leftOut - 1);
  }

  #kindOf(name: string): Kind {
    const known = this.#kinds.get(name);
    if (known) return known;
    if (this.#kinds.size >= maxKinds) this.#forgetIdle();
    if (this.#kinds.size >= maxKinds && name !== '') return this.#kindOf('');
    const kind: Kind = {
      left: this.#burst,
      at: this.#clock.monotonic(),
      leftOut: 0,
      last: undefined,
      timer: undefined,
    };
    this.#kinds.set(name, kind);
    return kind;
  }

  #forgetIdle(): void {
    const fullFrom = this.#clock.monotonic() - this.#burst * everyMillis;
    for (const [name, { timer, at }] of this.#kinds) if (!timer && at < fullFrom) this.#kinds.delete(name);
  }
}

const counted = (fields: object, leftOut: number): object =>
  leftOut === 0 ? fields : { ...fields, suppressed: leftOut };
