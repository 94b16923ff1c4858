import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { ReportRow, Store } from '../store/store.ts';

/** Reports that keep coming are written down at this pace, milliseconds. */
const saveEvery = 200;

interface Deps {
  readonly clock: Clock;
  readonly store: Pick<Store, 'saveReports'>;
  readonly log: Log;
}

/** Writes reports down for the next start, the latest of each name, a cluster at most five times a second. */
export class ReportSaves {
  readonly #deps: Deps;
  readonly #waiting = new Map<ClusterName, Map<string, ReportRow>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Clusters of which something waits. */
  get size(): number {
    return this.#waiting.size;
  }

  add(cluster: ClusterName, rows: readonly ReportRow[]): void {
    const known = this.#waiting.get(cluster);
    const waiting = known ?? new Map<string, ReportRow>();
    for (const row of rows) waiting.set(`${row.type} ${row.name}`, row);
    if (known || waiting.size === 0) return;
    this.#waiting.set(cluster, waiting);
    this.#deps.clock.after(saveEvery, () => this.#save(cluster));
  }

  /** For a cluster that is no longer known. */
  forget(cluster: ClusterName): void {
    this.#waiting.delete(cluster);
  }

  #save(cluster: ClusterName): void {
    const { clock, store, log } = this.#deps;
    const rows = [...(this.#waiting.get(cluster)?.values() ?? [])];
    this.#waiting.delete(cluster);
    if (rows.length === 0) return;
    store
      .saveReports(cluster, rows, clock.now())
      .catch((error: unknown) => log.error({ cluster, error: String(error) }, 'reports not written down'));
  }
}
