import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import { touches, type ChangeSet } from '../state/change-set.ts';
import type { Live } from '../state/live.ts';
import { advanced, advanceOperations } from './operation.ts';

interface Deps {
  readonly live: Live;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly log: Log;
}

/** What many clusters apply at nearly the same time is written down at once, milliseconds. */
const gather = 100;

/** Whether an operation may be further than it was. */
const concerns = (changes: ChangeSet): boolean =>
  changes.applied.size > 0 || touches(changes, 'operation', 'cluster', 'failover', 'intermediate');

/** Writes down how far operations are as their clusters apply them, until the signal aborts. */
export function watchOperations({ live, runner, clock, log }: Deps, signal: AbortSignal): void {
  let underWay = false;
  const isDue = () =>
    [...live.current.intent.operations.values()].some(
      ({ value }) => advanced(value, live.current, clock.now()) !== value,
    );
  const write = async () => {
    const outcome = await runner.run(advanceOperations, {}, byHub('as clusters applied it'));
    if (!outcome.ok) log.debug({ errors: outcome.errors }, 'operations have not advanced');
  };
  const look = () => {
    if (underWay || signal.aborted || !isDue()) return;
    underWay = true;
    clock.after(gather, () => {
      write()
        .catch((error: unknown) => log.error({ error: String(error) }, 'operations were not written down'))
        .finally(() => (underWay = false))
        .finally(look);
    });
  };
  const stop = live.onChange((changes) => {
    if (concerns(changes)) look();
  });
  signal.addEventListener('abort', stop, { once: true });
  look();
}
