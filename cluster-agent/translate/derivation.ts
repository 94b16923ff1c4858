import type { Change, Stored } from '../keys/change-set.ts';
import { equals } from '../keys/equals.ts';
import { formatTouched, type Touched, type TouchedKind } from '../keys/touched.ts';
import { Sets } from '../view/sets.ts';
import type { SnapshotRecord } from './snapshot.ts';
import { Walks, type WalkLimits } from './walks.ts';
import type { World } from './world.ts';

export type DerivationName =
  | 'part'
  | 'verdict'
  | 'demands'
  | 'policies'
  | 'endpoint'
  | 'slice'
  | 'workloadEntry'
  | 'serviceEntry'
  | 'serviceHealth'
  | 'distribution'
  | 'networkGateway'
  | 'workload'
  | 'withdrawn'
  | 'service'
  | 'authorization'
  | 'bundle'
  | 'intermediate';

/** A function from declared inputs to an output, for each of its keys. */
export interface Derivation<Key extends string, Inputs extends object, Output extends object> {
  readonly name: DerivationName;
  /** The kinds of keys that its inputs rest on. */
  readonly reads: ReadonlySet<TouchedKind>;
  /** Every key that may have something. */
  readonly keys: (world: World) => Iterable<Key>;
  /** Which keys to evaluate again. `forms`: what was stored under the touched key since it was last looked at. */
  readonly wakes: (touched: Touched, forms: readonly Stored[], world: World) => Iterable<Key>;
  /** Undefined: there is nothing under this key now. Costs what it returns. */
  readonly inputs: (key: Key, world: World) => Inputs | undefined;
  /** Pure: reads nothing else. */
  readonly derive: (inputs: Inputs) => Output;
  /** What has another answer now that the output is another one. */
  readonly touches?: (key: Key, output: Change<Output>) => Iterable<Touched>;
  /** An output that a touched key has removed stays while any of these keys is walked: other outputs may still name it. */
  readonly goesLast?: (touched: Touched) => readonly Touched[];
  /** What proxies get of it. */
  readonly records?: (key: Key, output: Output) => Iterable<SnapshotRecord>;
}

/** A sum over outputs that is kept by difference. */
export interface Fold<Key extends string, Output extends object> {
  take(key: Key, output: Change<Output>): Iterable<Touched>;
}

/** What a pipeline runs: a derivation with its outputs, whatever their type. */
export interface Step {
  readonly name: DerivationName;
  readonly reads: ReadonlySet<TouchedKind>;
  /** How many keys were evaluated since the start. */
  readonly evaluations: number;
  /** Of what reaches more than `narrow` keys the rest is walked. */
  wake(woken: Woken, world: World, narrow: number): void;
  wakeAll(world: World): void;
  /** Keys that wide changes have reached. */
  readonly walks: Walks<string>;
  /** Wakes so many of them at most; gives how many. */
  wakePart(count: number, now: number): number;
  /** Evaluates what was woken; gives what that touches. `isWalking`: of a key, by its format. */
  run(world: World, isWalking: (touched: string) => boolean): Iterable<Touched>;
}

/** What was touched, with its forms, and when: monotonic milliseconds. */
export interface Woken {
  readonly touched: Touched;
  readonly forms: readonly Stored[];
  readonly at: number;
}

interface Held<Inputs, Output> {
  readonly inputs: Inputs;
  readonly output: Output;
}

/** The outputs of a derivation by key. One that is equal to the one before is the very object of before. */
export class Derived<Key extends string, Inputs extends object, Output extends object> implements Step {
  readonly #derivation: Derivation<Key, Inputs, Output>;
  readonly #folds: readonly Fold<Key, Output>[];
  readonly #held = new Map<Key, Held<Inputs, Output>>();
  readonly walks: Walks<Key>;
  #woken = new Set<Key>();
  /** Of outputs that go last: what their keys wait for when they are gone, by its format. */
  readonly #causes = new Sets<Key, string>();
  evaluations = 0;

  constructor(
    derivation: Derivation<Key, Inputs, Output>,
    limits: WalkLimits,
    ...folds: readonly Fold<Key, Output>[]
  ) {
    this.#derivation = derivation;
    this.walks = new Walks(limits);
    this.#folds = folds;
  }

  get name(): DerivationName {
    return this.#derivation.name;
  }

  get reads(): ReadonlySet<TouchedKind> {
    return this.#derivation.reads;
  }

  get(key: Key): Output | undefined {
    return this.#held.get(key)?.output;
  }

  wake({ touched, forms, at }: Woken, world: World, narrow: number): void {
    const keys = new Set(this.#derivation.wakes(touched, forms, world));
    for (const one of this.#derivation.goesLast?.(touched) ?? [])
      for (const key of keys) this.#causes.add(key, formatTouched(one));
    // What repeats waits as a whole: else its first keys were evaluated each time.
    const now = keys.size <= narrow || !this.walks.isRecent(formatTouched(touched), at) ? narrow : 0;
    const later = [...keys].splice(now);
    for (const key of later) keys.delete(key);
    for (const key of keys) this.#woken.add(key);
    if (later.length > 0) this.walks.add(touched, later, at);
  }

  wakePart(count: number, now: number): number {
    const keys = this.walks.take(count, now);
    for (const key of keys) this.#woken.add(key);
    return keys.length;
  }

  wakeAll(world: World): void {
    for (const key of this.#derivation.keys(world)) this.#woken.add(key);
    for (const key of this.#held.keys()) this.#woken.add(key);
  }

  *run(world: World, isWalking: (touched: string) => boolean): Iterable<Touched> {
    const woken = this.#woken;
    this.#woken = new Set();
    for (const key of woken) {
      if ([...this.#causes.get(key)].some(isWalking) && this.#isGoing(key, world)) {
        this.#woken.add(key);
        continue;
      }
      this.#causes.drop(key);
      const change = this.refresh(key, world);
      if (change) yield* this.#tell(key, change, world);
    }
  }

  /** Undefined: nothing differs. Derives again unless each input is the same object. */
  refresh(key: Key, world: World): Change<Output> | undefined {
    this.evaluations++;
    const held = this.#held.get(key);
    const inputs = this.#derivation.inputs(key, world);
    if (!inputs) {
      this.#held.delete(key);
      return held && { before: held.output, after: undefined };
    }
    if (held && areSame(held.inputs, inputs)) return undefined;
    const output = this.#derivation.derive(inputs);
    const isEqual = held !== undefined && equals(held.output, output);
    this.#held.set(key, { inputs, output: isEqual ? held.output : output });
    return isEqual ? undefined : { before: held?.output, after: output };
  }

  #isGoing(key: Key, world: World): boolean {
    return this.#held.has(key) && this.#derivation.inputs(key, world) === undefined;
  }

  *#tell(key: Key, change: Change<Output>, { derived }: World): Iterable<Touched> {
    const { touches, records } = this.#derivation;
    if (records) {
      const before = change.before ? records(key, change.before) : [];
      yield* derived.snapshot.replace(before, change.after ? records(key, change.after) : []);
    }
    for (const fold of this.#folds) yield* fold.take(key, change);
    if (touches) yield* touches(key, change);
  }
}

/** Whether each field is the same value, and lists have the same values. */
function areSame(before: object, after: object): boolean {
  const old = before as Readonly<Record<string, unknown>>;
  for (const [field, value] of Object.entries(after)) if (!isSame(old[field], value)) return false;
  return true;
}

const isSame = (a: unknown, b: unknown): boolean =>
  a === b ||
  (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, i) => one === b[i]));
