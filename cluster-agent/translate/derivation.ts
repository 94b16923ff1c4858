import type { Change, Stored } from '../keys/change-set.ts';
import { equals } from '../keys/equals.ts';
import type { Touched, TouchedKind } from '../keys/touched.ts';
import type { SnapshotRecord } from './snapshot.ts';
import type { World } from './world.ts';

export type DerivationName =
  | 'part'
  | 'verdict'
  | 'demands'
  | 'policies'
  | 'endpoint'
  | 'slice'
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
  /** Keys that were reached by something wide and wait to be evaluated. */
  readonly waiting: number;
  /** Of the keys that are reached, those after the first `most` wait. */
  wake(touched: Touched, forms: readonly Stored[], world: World, most: number): void;
  wakeAll(world: World): void;
  /** Wakes so many of those that wait; gives how many. */
  wakeWaiting(most: number): number;
  /** Evaluates what was woken; gives what that touches. */
  run(world: World): Iterable<Touched>;
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
  #woken = new Set<Key>();
  readonly #waiting = new Set<Key>();
  evaluations = 0;

  constructor(derivation: Derivation<Key, Inputs, Output>, ...folds: readonly Fold<Key, Output>[]) {
    this.#derivation = derivation;
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

  get waiting(): number {
    return this.#waiting.size;
  }

  wake(touched: Touched, forms: readonly Stored[], world: World, most: number): void {
    let reached = 0;
    for (const key of this.#derivation.wakes(touched, forms, world))
      if (reached++ < most) this.#woken.add(key);
      else this.#waiting.add(key);
  }

  wakeWaiting(most: number): number {
    let woken = 0;
    for (const key of this.#waiting) {
      if (woken === most) break;
      this.#waiting.delete(key);
      this.#woken.add(key);
      woken++;
    }
    return woken;
  }

  wakeAll(world: World): void {
    for (const key of this.#derivation.keys(world)) this.#woken.add(key);
    for (const key of this.#held.keys()) this.#woken.add(key);
  }

  *run(world: World): Iterable<Touched> {
    const woken = this.#woken;
    this.#woken = new Set();
    for (const key of woken) {
      this.#waiting.delete(key);
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
