import type { Log } from '@isthmus/mesh/process/log.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import type { Live } from '../state/live.ts';
import { firstExports, recordFirstExports } from './export-approval.ts';

interface Deps {
  readonly live: Live;
  readonly runner: CommandRunner;
  readonly log: Log;
}

/** Records who exports a name first, until the signal aborts. Looks only when a cluster's services have changed. */
export function watchFirstExports({ live, runner, log }: Deps, signal: AbortSignal): void {
  let underWay = false;
  let seen = new Map<string, unknown>();
  const isNews = () => {
    const { observed } = live.current;
    const news = [...observed.values()].some(({ cluster, services }) => seen.get(cluster) !== services);
    if (news) seen = new Map([...observed.values()].map(({ cluster, services }) => [cluster, services]));
    return news;
  };
  const record = async () => {
    while (!signal.aborted && firstExports(live.current).length > 0) {
      const outcome = await runner.run(recordFirstExports, {}, byHub('first exporter of its name'));
      if (!outcome.ok) return;
    }
  };
  const look = () => {
    if (underWay || signal.aborted || !isNews()) return;
    underWay = true;
    record()
      .catch((error: unknown) => log.error({ error: String(error) }, 'first exporters were not recorded'))
      .finally(() => {
        underWay = false;
        look();
      });
  };
  const stop = live.onChange(look);
  signal.addEventListener('abort', stop, { once: true });
  look();
}
