import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import type { Live } from '../state/live.ts';
import { advanceOperations } from './operation.ts';
import { Progress } from './progress.ts';

interface Deps {
  readonly live: Live;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly log: Log;
}

/** What many clusters apply at nearly the same time is written down at once, milliseconds. */
const gather = 100;

/** Writes down how far operations are as their clusters apply them, until the signal aborts. */
export function watchOperations({ live, runner, clock, log }: Deps, signal: AbortSignal): void {
  const progress = new Progress(live.current);
  let underWay = false;
  let due = new Set<string>(progress.further(live.current));
  const write = async () => {
    const ids = [...due];
    due = new Set();
    const outcome = await runner.run(advanceOperations, { ids }, byHub('as clusters applied it'));
    if (!outcome.ok) log.debug({ errors: outcome.errors }, 'operations have not advanced');
  };
  const look = () => {
    if (underWay || signal.aborted || due.size === 0) return;
    underWay = true;
    clock.after(gather, () => {
      write()
        .catch((error: unknown) => log.error({ error: String(error) }, 'operations were not written down'))
        .finally(() => {
          // What was not written down is due still.
          for (const id of progress.further(live.current)) due.add(id);
          underWay = false;
          look();
        });
    });
  };
  const stop = live.onChange((changes, now) => {
    for (const id of progress.follow(changes, now)) due.add(id);
    look();
  });
  signal.addEventListener('abort', stop, { once: true });
  look();
}
