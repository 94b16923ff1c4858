import type { Moment } from '@isthmus/mesh/delta/messages.ts';
import { ChangeSet } from '../keys/change-set.ts';
import type { Touched } from '../keys/touched.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { Delta, Subscriber } from './delta.ts';

/** What follows from changes: the state of proxies, and what of it differs. */
export interface Translated {
  readonly snapshot: ClusterSnapshot;
  readonly changed: Delta['changed'];
  readonly bulk: Delta['bulk'];
}

/** Works out what follows from what was touched. */
export interface Translation {
  update(changes: ChangeSet): Translated;
}

interface PublisherOptions {
  /** Of all that this process publishes. */
  readonly epoch: bigint;
  /** Runs something in this turn of the event loop, after what is running. */
  readonly turn: (run: () => void) => unknown;
}

/**
 * Owns what proxies and the hub get to see: it takes what was touched, and once in a turn of the event loop publishes
 * what follows from it.
 */
export class Publisher {
  readonly #translation: Translation;
  readonly #to: readonly Subscriber[];
  readonly #options: PublisherOptions;
  #revision = 0n;
  #pending = new ChangeSet();
  #isOpen = false;
  #isAsked = false;
  #snapshot: ClusterSnapshot | undefined;

  /** Subscribers take each delta in this order. */
  constructor(translation: Translation, to: readonly Subscriber[], options: PublisherOptions) {
    this.#translation = translation;
    this.#to = to;
    this.#options = options;
  }

  touch(changes: ChangeSet): void {
    if (!this.#isOpen || changes.size === 0) return;
    this.#pending.merge(changes);
    this.#ask();
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

  /** Undefined before the first time. */
  get snapshot(): ClusterSnapshot | undefined {
    return this.#snapshot;
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#options.turn(() => {
      this.#isAsked = false;
      this.#flush();
    });
  }

  #flush(): void {
    const keys = this.#pending;
    this.#pending = new ChangeSet();
    const { snapshot, changed, bulk } = this.#translation.update(keys);
    this.#snapshot = snapshot;
    const moment: Moment = { epoch: this.#options.epoch, revision: ++this.#revision };
    for (const subscriber of this.#to) subscriber.published({ keys, changed, bulk }, snapshot, moment);
  }
}
