import type { HealthReport } from '@isthmus/api/domain/report.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { differing } from '../../observation/persistent-map.ts';
import { countsRow } from '../counts-row.ts';
import { withPulse, withHealth, withHealthRejections } from '../../observation/health-steps.ts';
import { LatestHealth } from '../latest-health.ts';
import { withinLimits } from '../limited-health.ts';
import type { HubPorts } from '../ports.ts';
import type { StreamKind } from '../stream-kind.ts';

/** The latest report wins; so does the latest acknowledgement, should the agent be slow to read. */
export const healthStream: StreamKind<HealthReport, number> = {
  method: 'health',
  holdsLink: false,
  open({ agent: { cluster } }, call, { hub }) {
    let taken: number | undefined;
    const acknowledgements = new Pump(call, () => {
      const sequence = taken;
      taken = undefined;
      return sequence;
    });
    const latest = new LatestHealth(hub.clock, (report) => {
      takeHealth(hub, cluster, report);
      // Without counts there is nothing that the agent would have to send again.
      if (report.partial) return;
      taken = report.sequence;
      acknowledgements.wake();
    });
    return {
      hear: (report) => latest.report(report),
      stop() {
        acknowledgements.stop();
        latest.stop();
      },
    };
  },
};

function takeHealth(hub: HubPorts, cluster: string, whole: HealthReport): void {
  const { limits, clock } = hub;
  const before = hub.snapshot().observed.get(cluster)?.health;
  hub.observe(cluster, (record) => {
    const now = clock.now();
    if (whole.partial) return withPulse(record, whole, now);
    const { report, rejected } = withinLimits(whole, record.health, limits);
    return withHealthRejections(withHealth(record, report, now), [...whole.unreadable, ...rejected], now);
  });
  const after = hub.snapshot().observed.get(cluster)?.health;
  const rows = differing(before, after).map((key) => countsRow(key, after?.get(key)));
  if (rows.length > 0) hub.saveReports(cluster, rows);
}
