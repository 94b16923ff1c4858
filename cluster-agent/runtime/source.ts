import type { SourceEvent } from '../view/source-event.ts';

/** Where a cluster's objects come from: a folder of YAML, or (a later issue) the Kubernetes API. */
export interface Source {
  /** Starts and calls `emit` with batches until the signal aborts; a batch is applied in one synchronous step. */
  run(emit: (batch: readonly SourceEvent[]) => void, signal: AbortSignal): Promise<void>;
}
