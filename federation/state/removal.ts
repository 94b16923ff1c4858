import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Store } from '../store/store.ts';
import type { Live } from './live.ts';

/** Forgets what was observed of clusters that are no longer known: one that comes back by that name is another. */
export function watchRemoval({ live, store, log }: { live: Live; store: Store; log: Log }): () => void {
  return live.onChange(() => {
    const { intent, observed } = live.current;
    for (const cluster of observed.keys()) {
      if (intent.clusters.has(cluster)) continue;
      live.removeShard(cluster);
      store
        .forgetObserved(cluster)
        .catch((error: unknown) => log.error({ cluster, error: String(error) }, 'reports not forgotten'));
    }
  });
}
