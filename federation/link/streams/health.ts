import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { LatestHealth } from '../latest-health.ts';
import type { StreamKind } from '../stream-kind.ts';
import { TakenHealth } from '../taken-health.ts';

/** The latest report wins; so does the latest answer, should the agent be slow to read. */
export const healthStream: StreamKind<HealthReport, HealthAnswer> = {
  method: 'health',
  holdsLink: false,
  open({ agent: { cluster } }, call, { hub }) {
    let answer: HealthAnswer | undefined;
    const answers = new Pump(call, () => {
      const latest = answer;
      answer = undefined;
      return latest;
    });
    const reports = new TakenHealth(hub, cluster);
    const latest = new LatestHealth(hub.clock, (report) => {
      answer = reports.take(report) ?? answer;
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
