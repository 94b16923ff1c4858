import { auditSubject } from '../command/audit-subject.ts';
import { day, hour } from '@isthmus/mesh/pki/issue.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { refuse } from '../command/refuse.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import type { Stored, Write } from '../store/store.ts';
import type { Live } from '../state/live.ts';
import type { IntentState } from '../state/snapshot.ts';

/** Ended operations are kept for a month, and the newest thousand at most. */
const operationsKept = 1000;
const operationLife = 30 * day;

/** An intermediate stays in the table for a day after its end, for clocks that are behind. */
const intermediateSlack = day;

/** Most that one commit takes away: the rest goes with the next. */
const maxWrites = 1000;

/** What nothing rests on any more: tokens whose time is over, certificates that have ended, old operations. */
export function outlived(intent: IntentState, now: number): readonly Write[] {
  const ended = [...intent.operations.values()]
    .filter(({ value }) => value.finishedAt !== undefined)
    .sort((a, b) => (b.value.finishedAt ?? 0) - (a.value.finishedAt ?? 0));
  const operations = ended.filter(
    ({ value }, i) => i >= operationsKept || (value.finishedAt ?? 0) + operationLife <= now,
  );
  const tokens = [...intent.joinTokens.values()].filter(({ value }) => value.expiresAt <= now);
  const intermediates = [...intent.intermediates.values()].filter(
    ({ value }) => value.notAfter + intermediateSlack <= now,
  );
  // The next cluster that exports the name becomes its first exporter.
  const approvals = [...intent.exportApprovals.values()].filter(
    ({ value }) => !value.clusters.some((cluster) => intent.clusters.has(cluster)),
  );
  return [...tokens, ...intermediates, ...operations, ...approvals].slice(0, maxWrites).map(removal);
}

const removal = ({ id, value, revision }: Stored): Write => ({
  remove: value.kind,
  id,
  expected: revision,
});

export const sweep: Command<object, { removed: number }> = {
  name: 'sweep',
  decide({ intent }, _input, { now }) {
    const writes = outlived(intent, now);
    if (writes.length === 0) return refuse('CONFLICT', '', 'nothing has outlived its use');
    const subject = auditSubject('outlived', writes.length);
    return ok({ subject, writes, payload: { removed: writes.length }, warnings: [] });
  },
};

interface Deps {
  readonly live: Live;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sweeps at once and every hour until the signal aborts. */
export function watchSweep({ live, runner, clock, log }: Deps, signal: AbortSignal): void {
  const all = async () => {
    while (outlived(live.current.intent, clock.now()).length > 0) {
      const outcome = await runner.run(sweep, {}, byHub('its time is over'));
      if (!outcome.ok) return;
    }
  };
  const tick = () => {
    if (signal.aborted) return;
    all()
      .catch((error: unknown) => log.error({ error: String(error) }, 'what has outlived its use stays'))
      .finally(() => clock.after(hour, tick));
  };
  tick();
}
