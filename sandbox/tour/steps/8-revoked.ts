import { X509Certificate } from 'node:crypto';
import { sleep } from '@isthmus/mesh/process/clock.ts';
import { ask, clusterStates, mutate } from '../../instance/api.ts';
import { FreshLoad } from '../../observe/load.ts';
import { until } from '../../processes/wait.ts';
import { aim } from '../addresses.ts';
import { isRefused, tryListener, attemptText } from '../attackers/attempt.ts';
import type { Listener } from '../listeners/listener.ts';
import type { Report, Step, Tour } from '../context.ts';
import { gatewayListener, sidecarListener, ztunnelListener } from '../listeners/proxies.ts';
import { LiveTunnels } from '../live-tunnels.ts';
import { memberLeaf } from '../member.ts';

const revokeMutation = `mutation($input: ClusterInput!) { result: revokeCluster(input: $input) { operation { id } userErrors { code field message } } }`;

/** South is sent away: its stream, its tunnels and its certificates end, at once and everywhere. */
export const revoked: Step = {
  title: 'a cluster is revoked',
  async run(tour: Tour, report: Report) {
    const { sandbox, clock, traffic } = tour;
    // A visit needs the orders, and only south has them.
    await traffic.pause();
    traffic.stop();
    report.expect(
      'no visit of the steady traffic has failed until here',
      `${traffic.failed} of ${traffic.sent}`,
      traffic.failed === 0 && traffic.sent > 100,
    );
    const tunnels = await LiveTunnels.open(tour);
    try {
      const leaf = await memberLeaf(sandbox, 'south', 'cart');
      const listeners = {
        'east’s gateway': gatewayListener(sandbox, 'east', ['south', 'cart']),
        'east’s ztunnel': ztunnelListener(sandbox),
        'west’s gateway': gatewayListener(sandbox, 'west', ['south', 'cart']),
        'west’s sidecar': sidecarListener(sandbox),
      };
      await tryAll(listeners, leaf, (place, seen) =>
        report.expect(`${place} takes south’s certificate before`, attemptText(seen), seen.bytes > 0),
      );
      await tunnels.outliveIdleness(report);
      const since = sandbox.launcher.get('south-agent')?.log().length ?? 0;
      const started = clock.monotonic();
      await mutate(sandbox.endpoint, revokeMutation, { cluster: 'south', reason: 'tour' });
      await Promise.all([tunnels.close(started, report), streamEnds(tour, since, started, report)]);
      const states = await clusterStates(sandbox.endpoint);
      report.expect('south is shown as REVOKED', states['south'] ?? 'absent', states['south'] === 'REVOKED');
      const { validTo } = new X509Certificate(leaf.chain);
      await tryAll(listeners, leaf, (place, seen) =>
        report.expect(
          `${place} refuses south’s certificate`,
          `${attemptText(seen)}; it is valid until ${validTo}`,
          isRefused(seen) && Date.parse(validTo) > clock.now(),
        ),
      );
      await tryAll(listeners, await memberLeaf(sandbox, 'east', 'frontend'), (place, seen) =>
        report.expect(`${place} takes a member’s certificate still`, attemptText(seen), seen.bytes > 0),
      );
    } finally {
      await tunnels.stop();
    }
    await servedByOthers(tour, report);
  },
};

async function tryAll(
  listeners: Readonly<Record<string, Listener>>,
  leaf: Parameters<typeof tryListener>[1],
  tell: (place: string, seen: Awaited<ReturnType<typeof tryListener>>) => void,
): Promise<void> {
  for (const [place, listener] of Object.entries(listeners)) tell(place, await tryListener(listener, leaf));
}

/** By the hub, which sees the link end, and by the agent, which logs the reason. */
async function streamEnds(tour: Tour, since: number, started: number, report: Report): Promise<void> {
  const { sandbox, clock, timeScale } = tour;
  const link = '{ cluster(name: "south") { link { connected } } }';
  const gone = async () => {
    const { cluster } = await ask<{ cluster: { link: { connected: boolean } } }>(sandbox.endpoint, link);
    return cluster.link.connected ? undefined : true;
  };
  const logged = () =>
    /PERMISSION_DENIED[^"]*REVOKED/.exec(
      (sandbox.launcher.get('south-agent')?.log() ?? '').slice(since),
    )?.[0];
  const options = { within: 15_000 * timeScale };
  await until(clock, 'the end of south’s stream', gone, options);
  report.within('south’s stream to the hub has ended', clock.monotonic() - started, 5000);
  const why = await until(clock, 'a reason', logged, options).catch(() => undefined);
  report.expect('south’s agent logs the reason', why ?? 'nothing', why !== undefined);
}

async function servedByOthers({ sandbox, clock }: Tour, report: Report): Promise<void> {
  const load = new FreshLoad(aim(sandbox, { cluster: 'east', pod: 'frontend' }, 'cart'), 20, clock).start();
  await sleep(clock, 2000);
  const { served, failures } = await load.stop();
  const others = served.filter(({ cluster }) => cluster !== 'west').length;
  report.expect(
    'the cart is served by west alone, without a failure',
    `${served.length} calls, ${others} by others, ${failures.length} failed`,
    others === 0 && failures.length === 0 && served.length > 20,
  );
}
