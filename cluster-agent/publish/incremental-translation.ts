import type { ChangeSet } from '../keys/change-set.ts';
import type { Touched, TouchedKind } from '../keys/touched.ts';
import type { Pipeline } from '../translate/pipeline.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { Translation } from './publisher.ts';

/** Derives what changes reach. */
export class IncrementalTranslation implements Translation {
  readonly #pipeline: Pipeline;
  readonly #open: () => void;

  /** `open` is called once, before anything is derived: all that the cluster has is listed. */
  constructor(pipeline: Pipeline, open: () => void) {
    this.#pipeline = pipeline;
    this.#open = open;
  }

  get snapshot(): ClusterSnapshot {
    return this.#pipeline.snapshot;
  }

  all(): ChangeSet {
    this.#open();
    return this.#pipeline.all();
  }

  update(changes: ChangeSet, now: number): ChangeSet {
    return this.#pipeline.update(changes, now);
  }

  get nextPart(): number | undefined {
    return this.#pipeline.nextPart;
  }

  part(now: number): ChangeSet {
    return this.#pipeline.part(now);
  }

  isWalking(key: Touched): boolean {
    return this.#pipeline.isWalking(key);
  }

  isWalkingAny(kind: TouchedKind): boolean {
    return this.#pipeline.isWalkingAny(kind);
  }
}
