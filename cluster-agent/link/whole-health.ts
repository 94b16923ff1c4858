import type { HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';
import { equals } from '../keys/equals.ts';

/** The hub gets the counts at least this often, milliseconds, whatever it has acknowledged. */
const wholeEvery = 60_000;

/**
 * Leaves the counts out of a health report when the hub has them already: then the report says only that the agent is
 * there. One for each link. While the latest report with counts is not acknowledged, all have them, so that an
 * acknowledgement at or above its sequence is of such a report.
 */
export class WholeHealth {
  /** The counts that the hub has acknowledged. */
  #held: readonly ServiceHealth[] | undefined;
  #sent: { readonly sequence: number; readonly counts: readonly ServiceHealth[] } | undefined;
  #sentAt = 0;

  /** The report as it is to be sent. `now`: monotonic milliseconds. */
  next(report: HealthReport, now: number): HealthReport {
    if (report.partial) return report;
    const counts = report.services;
    if (!this.#sent && now - this.#sentAt < wholeEvery && equals(counts, this.#held))
      return { ...report, services: [], partial: true };
    this.#sent = { sequence: report.sequence, counts };
    this.#sentAt = now;
    return report;
  }

  acknowledged(sequence: number): void {
    if (!this.#sent || sequence < this.#sent.sequence) return;
    this.#held = this.#sent.counts;
    this.#sent = undefined;
  }
}
