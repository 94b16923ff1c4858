import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { CommandRunner } from '../command/run.ts';
import type { Live } from '../state/live.ts';
import type { IntentState } from '../state/snapshot.ts';
import { undoFailover } from './commands.ts';

const everyMillis = 1000;

/** Failovers whose time is over. */
export const expired = ({ failovers }: Pick<IntentState, 'failovers'>, now: number): readonly string[] =>
  [...failovers.values()]
    .filter(({ value }) => value.expiresAt !== undefined && value.expiresAt <= now)
    .map(({ id }) => id);

/** Takes failovers back when their time is over, by the same command that a person would use. */
export function watchExpiry(
  { live, runner, clock, log }: { live: Live; runner: CommandRunner; clock: Clock; log: Log },
  signal: AbortSignal,
): void {
  const look = async () => {
    for (const id of expired(live.current.intent, clock.now())) {
      const options = { actor: 'hub', dryRun: false, expectedRevision: undefined, idempotencyKey: '' };
      const outcome = await runner.run(undoFailover, { id }, { ...options, reason: 'its time is over' });
      if (outcome.ok) log.info({ failover: id }, 'failover expired');
    }
  };
  const tick = () => {
    if (signal.aborted) return;
    look()
      .catch((error: unknown) =>
        log.error({ error: String(error) }, 'an expired failover was not taken back'),
      )
      .finally(() => clock.after(everyMillis, tick));
  };
  tick();
}
