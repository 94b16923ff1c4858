import { FreshLoad } from '../../observe/load.ts';
import { hubProgram } from '../../processes/programs.ts';
import { until } from '../../processes/wait.ts';
import { clusterStates } from '../../up.ts';
import { aim, podEnv } from '../addresses.ts';
import type { Report, Step, Tour } from '../context.ts';

/** The hub dies while west's agent is stopped, and comes back: nobody loses anything, and nothing is sent again. */
export const hubAway: Step = {
  title: 'the hub is killed and restarted with one agent stopped',
  async run(tour: Tour, report: Report) {
    const { sandbox, clock } = tour;
    const { launcher, place, endpoint } = sandbox;
    const westAgent = launcher.get('west-agent');
    const load = new FreshLoad(aim(sandbox, { cluster: 'east', pod: 'frontend' }, 'cart'), 20, clock).start();
    const before = await held(tour);

    westAgent?.kill('SIGSTOP');
    const hub = launcher.get('hub');
    hub?.kill('SIGKILL');
    await hub?.exited;
    await pause(tour, 3000);
    const port = Number(new URL(endpoint.url).port);
    launcher.start(hubProgram(place, port));
    const back = await until(
      clock,
      'east to be back',
      async () => ((await clusterStates(endpoint))['east'] === 'ACTIVE' ? true : undefined),
      { within: 30_000 * tour.timeScale },
    ).catch(() => false);
    report.expect('the hub comes back and east with it', back ? 'ACTIVE' : 'away', back);
    await pause(tour, 3000);

    const after = await held(tour);
    report.expect(
      'east lost no endpoint and was sent none again',
      same(before, after)
        ? `${Object.keys(after).length} resources, all as before`
        : difference(before, after),
      same(before, after),
    );
    const resent = receivedSince(launcher.get('east-agent')?.log() ?? '');
    report.expect('the hub sent 0 resources to east again', `${resent} resources`, resent === 0);
    westAgent?.kill('SIGCONT');
    const west = await until(
      clock,
      'west to be back',
      async () => ((await clusterStates(endpoint))['west'] === 'ACTIVE' ? true : undefined),
      { within: 60_000 * tour.timeScale },
    ).catch(() => false);
    report.expect('west’s agent comes back', west ? 'ACTIVE' : 'away', west);
    const { served, failures } = await load.stop();
    report.expect(
      '0 new connections failed meanwhile',
      `${failures.length} of ${served.length}${failures[0] ? `, e.g. ${failures[0].message}` : ''}`,
      failures.length === 0 && served.length > 50,
    );
  },
};

const pause = ({ clock }: Tour, millis: number): Promise<void> =>
  new Promise((resolve) => void clock.after(millis, resolve));

type Held = Readonly<Record<string, string>>;

/** What east's first ztunnel holds of remote places, name to version. */
async function held({ sandbox }: Tour): Promise<Held> {
  const at = podEnv(sandbox, 'east', 'ztunnel-east-a', 'istio-system')['APP_ADDRESS'] ?? '';
  const response = await fetch(`http://${at}:15000/config_dump`);
  const { held: all } = (await response.json()) as { held: { address: Held } };
  return Object.fromEntries(Object.entries(all.address).filter(([name]) => name.includes('SplitHorizon')));
}

const same = (one: Held, other: Held): boolean =>
  JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());

const difference = (before: Held, after: Held): string =>
  Object.keys({ ...before, ...after })
    .filter((name) => before[name] !== after[name])
    .map((name) => `${name}: ${before[name] ?? 'absent'} -> ${after[name] ?? 'absent'}`)
    .slice(0, 3)
    .join('; ');

/** The agent says at each reconnect how many resources came down with it. */
function receivedSince(log: string): number {
  const lines = log.split('\n').filter((line) => line.includes('synced with the hub'));
  const last = lines.at(-1);
  return last === undefined ? -1 : (JSON.parse(last) as { resources: number }).resources;
}
