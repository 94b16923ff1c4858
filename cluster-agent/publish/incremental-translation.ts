import type { ChangeSet } from '../keys/change-set.ts';
import type { Pipeline } from '../translate/pipeline.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { Translation } from './publisher.ts';

interface Sources {
  /** What else differs by now. */
  readonly latest: () => ChangeSet;
  /** Called once, before anything is derived: all that the cluster has is listed. */
  readonly open: () => void;
}

/** Derives what changes reach. */
export class IncrementalTranslation implements Translation {
  readonly #pipeline: Pipeline;
  readonly #sources: Sources;

  constructor(pipeline: Pipeline, sources: Sources) {
    this.#pipeline = pipeline;
    this.#sources = sources;
  }

  get snapshot(): ClusterSnapshot {
    return this.#pipeline.snapshot;
  }

  all(): ChangeSet {
    this.#sources.latest();
    this.#sources.open();
    return this.#pipeline.all();
  }

  update(changes: ChangeSet): ChangeSet {
    changes.merge(this.#sources.latest());
    return this.#pipeline.update(changes);
  }
}
