import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Store } from '../store/store.ts';
import { written } from './change-set.ts';
import type { Live } from './live.ts';

/** Forgets what was observed of clusters that are no longer known: one that comes back by that name is another. */
export function watchRemoval({ live, store, log }: { live: Live; store: Store; log: Log }): () => void {
  return live.onChange((changes) => {
    for (const cluster of written(changes, 'cluster').keys()) {
      if (live.current.intent.clusters.has(cluster)) continue;
      live.removeShard(cluster);
      store
        .forgetObserved(cluster)
        .catch((error: unknown) => log.error({ cluster, error: String(error) }, 'reports not forgotten'));
    }
  });
}
