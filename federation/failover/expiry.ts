import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import type { Live } from '../state/live.ts';
import type { IntentState } from '../state/snapshot.ts';
import { stepFailover, undoFailover } from './commands.ts';
import { nextFailbackStep } from './failback.ts';

const everyMillis = 1000;

/** Failovers whose time is over. */
export const expired = ({ failovers }: Pick<IntentState, 'failovers'>, now: number): readonly string[] =>
  [...failovers.values()]
    .filter(({ value }) => !value.returning && value.expiresAt !== undefined && value.expiresAt <= now)
    .map(({ id }) => id);

/**
 * Takes failovers back when their time is over, by the same command that a person would use, and lets those return
 * that are taken back.
 */
export function watchExpiry(
  { live, runner, clock, log }: { live: Live; runner: CommandRunner; clock: Clock; log: Log },
  signal: AbortSignal,
): void {
  const look = async () => {
    for (const id of expired(live.current.intent, clock.now())) {
      const outcome = await runner.run(undoFailover, { id }, byHub('its time is over'));
      if (outcome.ok) log.info({ failover: id }, 'failover expired');
    }
    for (const { id, value } of live.current.intent.failovers.values()) {
      if (nextFailbackStep(value, live.current, clock.now()) === undefined) continue;
      const outcome = await runner.run(stepFailover, { id }, byHub('it returns step by step'));
      if (outcome.ok) log.info({ failover: id, left: outcome.payload.left }, 'failover returns');
    }
  };
  const tick = () => {
    if (signal.aborted) return;
    look()
      .catch((error: unknown) => log.error({ error: String(error) }, 'failovers could not be undone'))
      .finally(() => clock.after(everyMillis, tick));
  };
  tick();
}
