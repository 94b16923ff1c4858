import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { Catalog } from './compile/catalog.ts';
import { HubIndexes } from './index/hub-indexes.ts';
import { countsOf } from './link/counts-row.ts';
import type { RestoredReports } from './link/taken-reports.ts';
import { Acknowledgements } from './observation/acknowledgements.ts';
import { Reports } from './link/reports.ts';
import { withRestoredCounts } from './observation/health-steps.ts';
import { Observations } from './observation/observations.ts';
import type { Outside } from './outside/outside.ts';
import { Live } from './state/live.ts';
import type { Settings } from './state/snapshot.ts';
import type { Epoch, Store } from './store/store.ts';

interface HubStateDeps {
  readonly store: Store;
  readonly settings: Settings;
  readonly epoch: Epoch;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ClusterLimits;
  readonly outside: Outside;
}

/** Intent, observation, and what follows from both. */
export interface HubState {
  readonly live: Live;
  readonly observations: Observations;
  readonly catalog: Catalog;
  readonly restored: RestoredReports;
}

/** The state of a hub, as the store has it, which follows the store until the signal aborts. */
export async function hubState(deps: HubStateDeps, signal: AbortSignal): Promise<HubState> {
  const { store, settings, epoch, clock, log, outside } = deps;
  const index = new HubIndexes();
  const observations = new Observations(clock);
  const catalog = new Catalog();
  const live = await Live.start(
    { store, settings, epoch, index, observations, outside, compiled: catalog, log },
    signal,
  );
  const restored = await restoreReports(store, live, observations, deps);
  catalog.start(live.current);
  return { live, observations, catalog, restored };
}

/** What clusters had reported before: shown as stale, and held until they report again. */
async function restoreReports(
  store: Store,
  live: Live,
  observations: Observations,
  { log, limits }: Pick<HubStateDeps, 'log' | 'limits'>,
): Promise<RestoredReports> {
  const restored = new Map<string, Reports>();
  const shared = new Acknowledgements();
  const stored = new Set(await store.reportedClusters());
  const { clusters } = live.current.intent;
  for (const cluster of stored) if (!clusters.has(cluster)) void store.forgetReports(cluster);
  for (const cluster of clusters.keys()) {
    const rows = stored.has(cluster) ? await store.readReports(cluster) : [];
    const { reports, change, rejected } = Reports.restore(rows, limits, shared);
    const [first] = rejected;
    if (first)
      log.warn(
        { cluster, count: rejected.length, ...first },
        'what this cluster had reported cannot be read',
      );
    observations.update(cluster, (record) => withRestoredCounts(change(record), countsOf(rows)));
    if (rows.length > 0) restored.set(cluster, reports);
  }
  return { reports: restored, shared };
}
