import { sleep } from '@isthmus/mesh/process/clock.ts';
import { ask } from '../../instance/api.ts';
import { FreshLoad } from '../../observe/load.ts';
import { hubProgram } from '../../processes/programs.ts';
import { until } from '../../processes/wait.ts';
import { aim } from '../addresses.ts';
import { impersonateHub } from '../attackers/impostor.ts';
import type { Report, Step, Tour } from '../context.ts';
import { HeldWatch } from '../held-watch.ts';

/** Those that are left when south has been revoked. */
const members = ['east', 'west'];

/** The hub dies while west's agent is stopped, and comes back: nobody loses anything, and nothing is sent again. */
export const hubAway: Step = {
  title: 'the hub is killed and restarted with one agent stopped',
  async run(tour: Tour, report: Report) {
    const { sandbox, clock } = tour;
    const { launcher } = sandbox;
    const westAgent = launcher.get('west-agent');
    const watch = await HeldWatch.start(tour, members);
    const load = new FreshLoad(aim(sandbox, { cluster: 'east', pod: 'frontend' }, 'cart'), 20, clock).start();
    try {
      const since = new Map(members.map((name) => [name, launcher.get(`${name}-agent`)?.log().length ?? 0]));
      westAgent?.kill('SIGSTOP');
      await hubDies(tour, report);
      const restarted = clock.now();
      launcher.start(hubProgram(sandbox.place, Number(new URL(sandbox.endpoint.url).port)));
      await comesBack(tour, 'east', since, report);
      await saysStale(tour, restarted, report);
      await sleep(clock, 2000);
      westAgent?.kill('SIGCONT');
      await comesBack(tour, 'west', since, report);
      await sleep(clock, 1000);
    } finally {
      westAgent?.kill('SIGCONT');
      await watch.stop();
      const { served, failures } = await load.stop();
      report.expect(
        '0 new connections failed meanwhile',
        `${failures.length} of ${served.length + failures.length}${failures[0] ? `, e.g. ${failures[0].message}` : ''}`,
        failures.length === 0 && served.length > 50,
      );
    }
    report.expect(
      'no proxy lost, gained or was sent anything meanwhile',
      [...watch.differences].slice(0, 3).join('; ') ||
        `${watch.resources} resources of ${watch.proxies} proxies, the same at each of ${watch.looks} looks`,
      watch.differences.size === 0 && watch.resources > 50 && watch.proxies >= 7 && watch.looks > 10,
    );
  },
};

/** Kills the hub; an impostor takes its address for a while, and the agents must refuse it. */
async function hubDies({ sandbox, clock, timeScale }: Tour, report: Report): Promise<void> {
  const hub = sandbox.launcher.get('hub');
  hub?.kill('SIGKILL');
  await hub?.exited;
  const impostor = await impersonateHub(`127.${sandbox.place.octet}.0.1`, 15_101, clock.now());
  try {
    const attempt = () => (impostor.refused + impostor.believed > 0 ? true : undefined);
    await until(clock, 'an agent at the impostor', attempt, { within: 10_000 * timeScale }).catch(
      () => false,
    );
    await sleep(clock, 2000);
    report.expect(
      'an impostor of the hub with a foreign root is refused by the agents',
      `${impostor.refused} handshakes broken off, ${impostor.believed} completed`,
      impostor.refused > 0 && impostor.believed === 0,
    );
  } finally {
    await impostor.close();
  }
}

/** An agent says at each reconnect how many resources came down with it. */
async function comesBack(
  { sandbox, clock, timeScale }: Tour,
  cluster: string,
  since: ReadonlyMap<string, number>,
  report: Report,
): Promise<void> {
  const synced = () => {
    const log = (sandbox.launcher.get(`${cluster}-agent`)?.log() ?? '').slice(since.get(cluster));
    const line = log.split('\n').find((one) => one.includes('synced with the hub'));
    return line === undefined ? undefined : (JSON.parse(line) as { resources: number }).resources;
  };
  const resources = await until(clock, `${cluster} to be back`, synced, { within: 30_000 * timeScale }).catch(
    () => undefined,
  );
  report.expect(
    `${cluster} comes back, and the hub sends it nothing again`,
    resources === undefined ? 'away' : `${resources} resources sent`,
    resources === 0,
  );
  const state = async () => (await clusterNow(sandbox.endpoint, cluster)).state === 'ACTIVE' || undefined;
  const active = await until(clock, 'its state', state, { within: 10_000 * timeScale }).catch(() => false);
  report.expect(`${cluster} is ACTIVE again`, active ? 'ACTIVE' : 'not', active);
}

/** What is known of west is what it said before, of which the API must not say that it were of now. */
async function saysStale({ sandbox }: Tour, restarted: number, report: Report): Promise<void> {
  const { state, staleness, gateways } = await clusterNow(sandbox.endpoint, 'west');
  const isOld = staleness.asOf !== null && Date.parse(staleness.asOf) < restarted;
  report.expect(
    'west is kept, is stale, and says so',
    `${state}, reachable ${String(staleness.reachable)}, as of ${staleness.asOf ?? 'never'}, ${gateways.length} gateway`,
    state === 'UNREACHABLE' && !staleness.reachable && isOld && gateways.length === 1,
  );
}

interface ClusterNow {
  readonly state: string;
  readonly staleness: { readonly asOf: string | null; readonly reachable: boolean };
  readonly gateways: readonly { readonly address: string }[];
}

async function clusterNow(endpoint: Tour['sandbox']['endpoint'], name: string): Promise<ClusterNow> {
  const query = `query($name: String!) { cluster(name: $name) { state staleness { asOf reachable } gateways { address } } }`;
  return (await ask<{ cluster: ClusterNow }>(endpoint, query, { name })).cluster;
}
