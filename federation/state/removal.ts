import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Store } from '../store/store.ts';
import type { Live } from './live.ts';

/** Forgets in the store, too, what was observed of clusters that are no longer known. */
export function watchRemoval({ live, store, log }: { live: Live; store: Store; log: Log }): () => void {
  return live.onChange(({ forgotten }, { observed }) => {
    for (const cluster of forgotten) {
      if (observed.has(cluster)) continue;
      store
        .forgetReports(cluster)
        .catch((error: unknown) => log.error({ cluster, error: String(error) }, 'reports not forgotten'));
    }
  });
}
