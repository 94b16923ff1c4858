import { formatTouched, type Touched, type TouchedKind } from '../keys/touched.ts';

/** How what reaches many keys is worked out. */
export interface WalkLimits {
  /** What reaches more keys of a derivation than this is wide: so many are evaluated at once, and the rest is walked. */
  readonly narrow: number;
  /** So many keys of what is wide are evaluated at a time. */
  readonly part: number;
  /** From the end of a walk to the next one of the same, milliseconds. */
  readonly rest: number;
}

export const walkLimits: WalkLimits = { narrow: 200, part: 256, rest: 1000 };

interface Walk<Key> {
  readonly touched: Touched;
  readonly keys: Key[];
  /** Keys that were reached again after the walk had begun: they are walked later. */
  again: Set<Key> | undefined;
  /** Monotonic milliseconds. */
  readonly begins: number;
}

/**
 * The keys of one derivation that wide changes have reached and that are evaluated bit by bit. What reaches them again
 * meanwhile, or soon after, begins a walk of its own a while later: a change that repeats does not fill every turn.
 */
export class Walks<Key extends string> {
  readonly #limits: WalkLimits;
  /** By the format of what was touched, in the order in which they came. */
  readonly #walks = new Map<string, Walk<Key>>();
  /** When walks ended, oldest first. */
  readonly #ended = new Map<string, number>();

  constructor(limits: WalkLimits) {
    this.#limits = limits;
  }

  add(touched: Touched, keys: readonly Key[], now: number): void {
    const walk = this.#walks.get(formatTouched(touched));
    if (walk) {
      const again = (walk.again ??= new Set());
      for (const key of keys) again.add(key);
    } else this.#begin(touched, keys, now);
  }

  /** When the next key may be evaluated; undefined: none is left. */
  get next(): number | undefined {
    const all = [...this.#walks.values()];
    return all.length === 0 ? undefined : Math.min(...all.map(({ begins }) => begins));
  }

  has(touched: string): boolean {
    return this.#walks.has(touched);
  }

  /** Whether any key of a kind is walked. */
  hasKind(kind: TouchedKind): boolean {
    for (const { touched } of this.#walks.values()) if (touched.kind === kind) return true;
    return false;
  }

  /** Its last walk goes on, or has ended a short time ago. */
  isRecent(touched: string, now: number): boolean {
    const ended = this.#ended.get(touched);
    return this.has(touched) || (ended !== undefined && now - ended < this.#limits.rest);
  }

  get isEmpty(): boolean {
    return this.#walks.size === 0;
  }

  /** Takes so many keys at most. */
  take(count: number, now: number): readonly Key[] {
    const taken: Key[] = [];
    for (const [format, walk] of [...this.#walks]) {
      if (walk.begins > now) continue;
      // From the end, as that costs nothing.
      taken.push(...walk.keys.splice(Math.max(0, walk.keys.length - (count - taken.length))));
      if (walk.keys.length === 0) this.#end(format, walk, now);
      if (taken.length >= count) break;
    }
    return taken;
  }

  #begin(touched: Touched, keys: Iterable<Key>, now: number): void {
    const format = formatTouched(touched);
    const ended = this.#ended.get(format);
    const begins = ended === undefined ? now : Math.max(now, ended + this.#limits.rest);
    this.#walks.set(format, { touched, keys: [...keys].reverse(), again: undefined, begins });
  }

  #end(format: string, { touched, again }: Walk<Key>, now: number): void {
    this.#walks.delete(format);
    for (const [one, at] of this.#ended)
      if (now - at < this.#limits.rest) break;
      else this.#ended.delete(one);
    this.#ended.delete(format);
    this.#ended.set(format, now);
    if (again) this.#begin(touched, again, now);
  }
}
