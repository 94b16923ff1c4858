import type { EnteringVerdict, Live } from '@isthmus/mesh/decide/live.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';
import type { Workload, WorkloadUid } from '@isthmus/mesh/records/workload.ts';
import { ConnectionIndex } from './connection-index.ts';
import { lateEnding, refusedEnding, type Ending } from './ending.ts';
import { JudgeQueue } from './judge-queue.ts';
import { Place } from './place.ts';

/** A connection that wants to be let in. */
export interface Entering extends Live {
  /** For people: from where to where. */
  readonly about: string;
  /** Takes nothing new and ends when what it carries has ended; absent where that is its nature. */
  readonly drain?: () => void;
}

type Decided =
  { readonly kind: 'place'; readonly place: Place } | { readonly kind: 'refused'; readonly ending: Ending };

export type Entered =
  | Decided
  /** A policy that its destination names has not come. */
  | {
      readonly kind: 'unknown';
      /** Resolves when it is decided, and with a refusal when that takes longer. */
      readonly decided: (millis: number) => Promise<Decided>;
    };

/** A place whose connection waits for a policy. */
interface Waiting {
  readonly place: Place;
  readonly settle: (decided: Decided) => void;
}

export interface ConnectionsDeps {
  readonly clock: Clock;
  readonly judge: (live: Live) => EnteringVerdict;
  /** The workload of a uid as it is now. */
  readonly servedBy: (uid: WorkloadUid) => Workload | undefined;
  /** Injected, so that a test can see each slice; `setImmediate` otherwise. */
  readonly nextTurn?: (run: () => void) => void;
}

/** Connections that live now, and those that are about to. Each is judged again when what its verdict read is touched. */
export class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #index: ConnectionIndex<Place>;
  readonly #queue: JudgeQueue<Place>;
  readonly #places = new Set<Place>();
  readonly #waiting = new Map<Place, Waiting>();
  #generation = 0;
  #whenIdle: (() => void)[] = [];

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
    this.#index = new ConnectionIndex(deps.servedBy);
    this.#queue = new JudgeQueue(deps.clock, (place) => this.#judgeAgain(place), deps.nextTurn);
  }

  /**
   * Indexes and judges a connection in one step, before its far side is dialled: what comes later reaches it by the
   * index. Who gets its place calls `leave` when the connection has ended.
   */
  enter(entering: Entering & { readonly inbound: undefined }): Decided;
  enter(entering: Entering): Entered;
  enter({ about, drain, ...live }: Entering): Entered {
    const verdict = this.#deps.judge(live);
    if (verdict.kind === 'ends') return { kind: 'refused', ending: refusedEnding(verdict) };
    const place = new Place(live, about, this.#generation, drain, (left) => this.#leave(left));
    this.#index.add(place);
    this.#places.add(place);
    if (verdict.kind === 'lives') return { kind: 'place', place };
    return {
      kind: 'unknown',
      decided: (millis) => this.#decided(place, verdict.message, millis),
    };
  }

  /**
   * Judges again what was touched, and ends what may live no longer. Calls `done` when all of it has been judged: then the
   * change is in force for every connection. The first slice is over when this returns.
   */
  wake(touched: Touched, issuers: ReadonlySet<string>, done: () => void): void {
    this.#generation++;
    this.#index.follow(touched);
    const walks = [this.#index.issuedBy(issuers), this.#index.touchedBy(touched)];
    this.#queue.push(walks, this.#generation, done);
  }

  get size(): number {
    return this.#places.size;
  }

  all(): Iterable<Place> {
    return this.#places;
  }

  closeAll(message: string): void {
    for (const place of [...this.#places]) this.#end(place, { message, flags: '-' });
  }

  /** Resolves when the last one has ended. */
  drain(): Promise<void> {
    for (const place of [...this.#places]) place.drain();
    return new Promise((resolve) => {
      if (this.#places.size === 0) resolve();
      else this.#whenIdle.push(resolve);
    });
  }

  /** True if it was ended. */
  #judgeAgain(place: Place): boolean {
    const verdict = this.#deps.judge(place.live);
    place.judged = this.#generation;
    if (verdict.kind === 'unknown') return false;
    const waiting = this.#waiting.get(place);
    if (verdict.kind === 'ends') this.#end(place, waiting ? refusedEnding(verdict) : lateEnding(verdict));
    else waiting?.settle({ kind: 'place', place });
    return verdict.kind === 'ends';
  }

  #end(place: Place, ending: Ending): void {
    const waiting = this.#waiting.get(place);
    if (!waiting) return place.end(ending);
    waiting.settle({ kind: 'refused', ending });
    place.leave();
  }

  #decided(place: Place, message: string, millis: number): Promise<Decided> {
    return new Promise((resolve) => {
      const settle = (decided: Decided) => {
        timer.cancel();
        this.#waiting.delete(place);
        resolve(decided);
      };
      const timer = this.#deps.clock.after(millis, () => this.#end(place, { message, flags: 'DENY' }));
      this.#waiting.set(place, { place, settle });
    });
  }

  #leave(place: Place): void {
    if (!this.#places.delete(place)) return;
    this.#index.delete(place);
    if (this.#places.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
