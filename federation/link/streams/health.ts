import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { LatestHealth } from '../latest-health.ts';
import type { StreamKind } from '../stream-kind.ts';
import { TakenHealth } from '../taken-health.ts';

/** A replica that does not lead says that it is there. What more it says is acknowledged, so that it is not sent again. */
const notTaken = ({ partial, sequence }: HealthReport): HealthAnswer | undefined =>
  partial ? undefined : { sequence, takesChanges: false, isRefused: false };

/** The latest report wins; so does the latest answer, should the agent be slow to read. */
export const healthStream: StreamKind<HealthReport, HealthAnswer> = {
  method: 'health',
  holdsLink: false,
  open(link, call, { hub }) {
    const { cluster } = link.agent;
    let answer: HealthAnswer | undefined;
    const answers = new Pump(call, () => {
      const latest = answer;
      answer = undefined;
      return latest;
    });
    const reports = new TakenHealth(hub, cluster);
    const latest = new LatestHealth(hub.clock, (report) => {
      answer = (link.leads ? reports.take(report) : notTaken(report)) ?? answer;
      answers.wake();
    });
    return {
      hear: (report) => latest.report(report),
      stop() {
        answers.stop();
        latest.stop();
      },
    };
  },
};
