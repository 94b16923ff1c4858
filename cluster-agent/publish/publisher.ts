import type { SystemVersion } from '@isthmus/mesh/delta/messages.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { ChangeSet } from '../keys/change-set.ts';
import type { Touched, TouchedKind } from '../keys/touched.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { resourcesIn, type Subscriber } from './delta.ts';
import { isNamedBy } from './names-first.ts';
import { PendingKeys } from './pending-keys.ts';
import { Waves } from './waves.ts';

/** Works out what follows from what was touched. */
export interface Translation {
  /** Of proxies: what was worked out last. */
  readonly snapshot: ClusterSnapshot;
  /** Works out everything; gives all that differs from nothing. */
  all(): ChangeSet;
  /**
   * Gives what was touched, with what differs in consequence: a key `resource` for each resource of proxies. What follows
   * from a key that reaches many is left for `part`. `now`: monotonic milliseconds.
   */
  update(changes: ChangeSet, now: number): ChangeSet;
  /** When a part of what many follow from may be worked out, monotonic milliseconds; undefined: nothing is left. */
  readonly nextPart: number | undefined;
  /** Works out a part of it; gives what differs. */
  part(now: number): ChangeSet;
  /** A part of what follows from a key is left. */
  isWalking(key: Touched): boolean;
  /** The same of any key of a kind. */
  isWalkingAny(kind: TouchedKind): boolean;
}

interface PublisherOptions {
  /** Of all that this process publishes. */
  readonly epoch: bigint;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Runs something in this turn of the event loop, after what is running. */
  readonly turn: (run: () => void) => unknown;
}

/**
 * Owns what proxies and the hub get to see: it takes what was touched, decides when that is due, and publishes what
 * follows from it. A first change goes out at once, in one delta with all that is due in the same turn of the event loop.
 */
export class Publisher {
  readonly #translation: Translation;
  readonly #to: readonly Subscriber[];
  readonly #options: PublisherOptions;
  readonly #pending = new PendingKeys();
  readonly #waves = new Waves();
  #revision = 0n;
  #isOpen = false;
  /** A flush comes in this turn of the event loop. */
  #isAsked = false;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;

  /** Subscribers take each delta in this order. */
  constructor(translation: Translation, to: readonly Subscriber[], options: PublisherOptions) {
    this.#translation = translation;
    this.#to = to;
    this.#options = options;
  }

  touch(changes: ChangeSet): void {
    if (!this.#isOpen || changes.size === 0) return;
    this.#pending.add(changes, this.#now());
    this.#arrange();
  }

  touchKey(key: Touched): void {
    const changes = new ChangeSet();
    changes.add(key);
    this.touch(changes);
  }

  /** The cluster is listed and the hub's state is complete. Before that nothing is derived. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.touchKey({ kind: 'synced' });
  }

  /** All that a key reaches is published. */
  isSettled(key: Touched): boolean {
    return !this.#pending.has(key) && !this.#translation.isWalking(key);
  }

  /** All that the services' withdrawals reach is published. A derivation touches them, so that none waits to be due. */
  get areWithdrawalsSettled(): boolean {
    return !this.#translation.isWalkingAny('withdrawal');
  }

  /** What is published; undefined before the first time. */
  get snapshot(): ClusterSnapshot | undefined {
    return this.#revision === 0n ? undefined : this.#translation.snapshot;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  /** Sees to it that a flush comes when the first key is due and the wave, if there is one, lets it begin. */
  #arrange(): void {
    if (this.#isAsked) return;
    const now = this.#now();
    const begins = Math.min(this.#keysBegin(now), this.#translation.nextPart ?? Infinity);
    if (begins === Infinity) return;
    if (begins > now) this.#arrangeAt(begins, now);
    else this.#ask();
  }

  /** When keys are published that wait; Infinity: none does. */
  #keysBegin(now: number): number {
    const due = this.#pending.nextDue(now);
    if (due === undefined) return Infinity;
    return due <= now ? this.#waves.opensAt(now) : due;
  }

  #arrangeAt(at: number, now: number): void {
    if (this.#timer && this.#timer.at <= at) return;
    this.#timer?.timer.cancel();
    const timer = this.#options.clock.after(at - now, () => {
      this.#timer = undefined;
      this.#arrange();
    });
    this.#timer = { at, timer };
  }

  #ask(): void {
    this.#isAsked = true;
    this.#options.turn(() => {
      this.#isAsked = false;
      this.#flush();
      this.#arrange();
    });
  }

  /** What is narrow is published before a part of what is wide is worked out. */
  #flush(): void {
    const now = this.#now();
    if (this.#keysBegin(now) <= now) this.#publish(this.#flushKeys(now), new Set());
    if ((this.#translation.nextPart ?? Infinity) > now) return;
    const part = this.#translation.part(now);
    const bulk = new Set([...resourcesIn(part).values()].flatMap((names) => [...names]));
    this.#publish(this.#withNamed(part, now), bulk);
  }

  #publish(keys: ChangeSet, bulk: ReadonlySet<string>): void {
    const systemVersion: SystemVersion = { epoch: this.#options.epoch, revision: ++this.#revision };
    const delta = { keys, changed: resourcesIn(keys), bulk };
    for (const subscriber of this.#to) subscriber.published(delta, this.#translation.snapshot, systemVersion);
  }

  #flushKeys(now: number): ChangeSet {
    const keys = this.#pending.take(now);
    this.#waves.begins(now, keys.size);
    return this.#update(keys, now);
  }

  #update(keys: ChangeSet, now: number): ChangeSet {
    if (this.#revision === 0n) {
      keys.merge(this.#translation.all());
      return keys;
    }
    return this.#withNamed(this.#translation.update(keys, now), now);
  }

  /** A policy that waits is published with the first workload that names it. */
  #withNamed(all: ChangeSet, now: number): ChangeSet {
    const early = this.#pending.takeEarly(isNamedBy(all, this.#translation.snapshot), now);
    if (early.size > 0) all.merge(this.#translation.update(early, now));
    return all;
  }
}
