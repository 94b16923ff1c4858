import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import { written, writtenServices, type ChangeSet } from '../observation/change-set.ts';
import { untilStored } from '../command/until-stored.ts';
import type { Live } from '../state/live.ts';
import type { Now } from '../state/now.ts';
import { firstExports, recordFirstExports } from './export-approval.ts';

interface Deps {
  readonly live: Live;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly log: Log;
}

/** Records who exports a name first, until the signal aborts. Looks only at the names that a change concerns. */
export function watchFirstExports({ live, runner, clock, log }: Deps, signal: AbortSignal): void {
  let underWay = false;
  let waiting = new Set<ServiceKey>();
  const record = async (keys: ReadonlySet<ServiceKey>) => {
    while (!signal.aborted && firstExports(live.current, keys).length > 0) {
      const run = () => runner.run(recordFirstExports, { keys }, byHub('first exporter of its name'));
      const outcome = await untilStored(run, { clock, signal });
      if (!outcome.ok) return;
    }
  };
  const look = () => {
    if (underWay || signal.aborted || waiting.size === 0) return;
    const keys = waiting;
    waiting = new Set();
    underWay = true;
    record(keys)
      .catch((error: unknown) => log.error({ error: String(error) }, 'first exporters were not recorded'))
      .finally(() => {
        underWay = false;
        look();
      });
  };
  const stop = live.onChange((changes, now) => {
    for (const key of concerned(changes, now)) waiting.add(key);
    look();
  });
  signal.addEventListener('abort', stop, { once: true });
  for (const { services } of live.current.observed.values())
    for (const key of services.keys()) waiting.add(key);
  look();
}

/** Names of services that are reported otherwise, and those of clusters that may export others than before. */
function* concerned(changes: ChangeSet, { observed }: Now): Iterable<ServiceKey> {
  for (const keys of changes.services.values()) yield* keys;
  for (const cluster of written(changes, 'cluster').keys())
    yield* observed.get(cluster)?.services.keys() ?? [];
  yield* writtenServices(changes, 'exportApproval');
}
