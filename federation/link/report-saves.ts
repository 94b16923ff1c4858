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

/**
 * Writes reports down for the next start, the latest of each name, at most five times a second: those of all clusters at
 * once, as each time the disk is waited for, and one change is acknowledged by all of them.
 */
export class ReportSaves {
  readonly #deps: Deps;
  readonly #waiting = new Map<ClusterName, Map<string, ReportRow>>();
  #isArmed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Clusters of which something waits. */
  get size(): number {
    return this.#waiting.size;
  }

  add(cluster: ClusterName, rows: readonly ReportRow[]): void {
    if (rows.length === 0) return;
    const waiting = this.#waiting.get(cluster) ?? new Map<string, ReportRow>();
    this.#waiting.set(cluster, waiting);
    for (const row of rows) waiting.set(`${row.type} ${row.name}`, row);
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#deps.clock.after(saveEvery, () => this.#saveAll());
  }

  /** For a cluster that is no longer known. */
  forget(cluster: ClusterName): void {
    this.#waiting.delete(cluster);
  }

  #saveAll(): void {
    this.#isArmed = false;
    if (this.#waiting.size === 0) return;
    const { clock, store, log } = this.#deps;
    const all = [...this.#waiting].map(([cluster, rows]) => ({ cluster, rows: [...rows.values()] }));
    this.#waiting.clear();
    store
      .saveReports(all, clock.now())
      .catch((error: unknown) =>
        log.error({ clusters: all.length, error: String(error) }, 'reports not written down'),
      );
  }
}
