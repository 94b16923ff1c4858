import type { ReportsWrite } from './sqlite-reports.ts';
import type { ReportRow } from './store.ts';

interface Held {
  /** What was written of the cluster before goes first. */
  readonly isForgotten: boolean;
  /** The latest of each name. */
  readonly rows: Map<string, ReportRow>;
  /** Epoch milliseconds, of the latest. */
  asOf: number;
}

/** Reports that could not be written, for when they can be. As many as clusters may report, however long it takes. */
export class UnsavedReports {
  readonly #held = new Map<string, Held>();

  add(writes: readonly ReportsWrite[]): void {
    for (const { cluster, rows, asOf } of writes) {
      const known = rows && this.#held.get(cluster);
      const held = known ?? { isForgotten: !rows, rows: new Map<string, ReportRow>(), asOf };
      for (const row of rows ?? []) held.rows.set(JSON.stringify([row.type, row.name]), row);
      held.asOf = asOf;
      this.#held.set(cluster, held);
    }
  }

  *writes(): Generator<ReportsWrite> {
    for (const [cluster, { isForgotten, rows, asOf }] of this.#held) {
      if (isForgotten) yield { cluster, rows: undefined, asOf };
      yield { cluster, rows: [...rows.values()], asOf };
    }
  }

  clear(): void {
    this.#held.clear();
  }
}
