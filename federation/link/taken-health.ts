import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import type { HealthAnswer, HealthChanges, HealthReport } from '@isthmus/api/domain/report.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import { withHealth, withHealthRejections, withPulse } from '../observation/health-steps.ts';
import { differing } from '../observation/persistent-map.ts';
import { countsRow } from './counts-row.ts';
import { withinLimits } from './limited-health.ts';
import type { HubPorts } from './ports.ts';

type Hub = Pick<HubPorts, 'clock' | 'limits' | 'snapshot' | 'observe' | 'saveReports'>;

/**
 * Takes the health reports of one stream into the record of its cluster. Changes are taken only on top of the very counts
 * that this stream has left there: another stream, link or life of the hub may have written others.
 */
export class TakenHealth {
  readonly #hub: Hub;
  readonly #cluster: string;
  /** What the last report with counts has left. */
  #held: { readonly sequence: number; readonly counts: ClusterRecord['health'] } | undefined;

  constructor(hub: Hub, cluster: string) {
    this.#hub = hub;
    this.#cluster = cluster;
  }

  /** Undefined: there is nothing in the report that the agent would have to send again. */
  take(report: HealthReport): HealthAnswer | undefined {
    const { clock } = this.#hub;
    const isFollowing = !report.changes || this.#follows(report, report.changes);
    if (!report.partial && isFollowing) this.#count(report);
    else this.#hub.observe(this.#cluster, (record) => withPulse(record, report, clock.now()));
    if (report.partial) return undefined;
    return { sequence: report.sequence, takesChanges: this.#hasRoom(), isRefused: !isFollowing };
  }

  get #record(): ClusterRecord | undefined {
    return this.#hub.snapshot().observed.get(this.#cluster);
  }

  #follows({ sequence, services }: HealthReport, { base }: HealthChanges): boolean {
    const record = this.#record;
    if (!this.#held || !record?.counted || record.health !== this.#held.counts) return false;
    const news = services.filter((one) => !record.health.has(formatServiceKey(one)));
    return base <= this.#held.sequence && sequence > this.#held.sequence && this.#hasRoom(news.length);
  }

  /** The size of a message bounds how many services a whole report has; what changes may add up to is bounded here. */
  #hasRoom(news = 0): boolean {
    return (this.#record?.health.size ?? 0) + news <= this.#hub.limits.services;
  }

  #count(report: HealthReport): void {
    const { limits, clock } = this.#hub;
    const before = this.#record?.health;
    this.#hub.observe(this.#cluster, (record) => {
      const now = clock.now();
      const within = withinLimits(report, record, limits);
      const rejected = [...report.unreadable, ...within.rejected];
      return withHealthRejections(withHealth(record, within.report, now), report, rejected, now);
    });
    const after = this.#record?.health;
    this.#held = after && { sequence: report.sequence, counts: after };
    const rows = differing(before, after).map((key) => countsRow(key, after?.get(key)));
    if (rows.length > 0) this.#hub.saveReports(this.#cluster, rows);
  }
}
