import { mutate } from '../../instance/api.ts';
import { FreshLoad, KeptLoad } from '../../observe/load.ts';
import { clusterStates } from '../../up.ts';
import { until } from '../../processes/wait.ts';
import { aim, gatewayAddresses, podAddress } from '../addresses.ts';
import { bytesBack } from '../attacker.ts';
import type { Report, Step, Tour } from '../context.ts';
import { memberLeaf } from '../member.ts';

const revokeMutation = `mutation($input: ClusterInput!) { result: revokeCluster(input: $input) { operation { id } userErrors { code field message } } }`;

/** South is sent away: its stream, its tunnels and its certificates end, at once and everywhere. */
export const revoked: Step = {
  title: 'a cluster is revoked',
  async run(tour: Tour, report: Report) {
    const { sandbox, clock } = tour;
    const leaf = await memberLeaf(sandbox, 'south', 'cart');
    const east = {
      host: gatewayAddresses(sandbox)['east'] ?? '',
      port: 15008,
      localAddress: podAddress(sandbox, 'south', 'cart'),
      alpn: 'h2',
    };
    const inEast = {
      ...east,
      host: podAddress(sandbox, 'east', 'catalogue-1'),
      localAddress: podAddress(sandbox, 'east', 'frontend'),
    };
    const west = { ...east, host: gatewayAddresses(sandbox)['west'] ?? '' };
    const before = await bytesBack(east, leaf);
    report.expect('south’s certificate is good before', `${before} bytes back`, before > 0);

    // Kept connections from south to the store in east: the tunnels that must end.
    const kept = await new KeptLoad(
      aim(sandbox, { cluster: 'south', pod: 'orders-ambient' }, 'catalogue'),
      10,
      clock,
    ).openOnly(4);
    const started = clock.monotonic();
    await mutate(sandbox.endpoint, revokeMutation, { cluster: 'south', reason: 'tour' });
    const closed = await until(
      clock,
      'south’s live tunnels to close',
      () => (kept.failures.length >= 4 ? clock.monotonic() - started : undefined),
      { within: 20_000, every: 20 },
    ).catch(() => 20_000);
    report.within('live tunnels of south close', closed, 5000);
    kept.stop();

    await seenByHub(tour, report);
    for (const [place, door] of Object.entries({
      'east’s gateway': east,
      'east’s ztunnel': inEast,
      'west’s gateway': west,
    })) {
      const back = await bytesBack(door, leaf);
      report.expect(
        `${place} refuses south’s certificate, still valid in time`,
        back === 0 ? 'closed, 0 bytes back' : `${back} bytes back`,
        back === 0,
      );
    }
    await servedByOthers(tour, report);
  },
};

async function seenByHub({ sandbox, clock }: Tour, report: Report): Promise<void> {
  const ended = await until(
    clock,
    'the end of south’s stream',
    () =>
      /PERMISSION_DENIED|may not use the link/.test(sandbox.launcher.get('south-agent')?.log() ?? '')
        ? true
        : undefined,
    { within: 10_000 },
  ).catch(() => false);
  report.expect(
    'south’s stream to the hub ends, and it is told why',
    ended ? 'PERMISSION_DENIED' : 'still there',
    ended,
  );
  const states = await clusterStates(sandbox.endpoint);
  report.expect('south is shown as REVOKED', states['south'] ?? 'absent', states['south'] === 'REVOKED');
}

async function servedByOthers({ sandbox, clock }: Tour, report: Report): Promise<void> {
  const load = new FreshLoad(aim(sandbox, { cluster: 'east', pod: 'frontend' }, 'cart'), 20, clock).start();
  await new Promise<void>((resolve) => clock.after(3000, resolve));
  const { served, failures } = await load.stop();
  const stray = served.filter(({ cluster }) => cluster === 'south').length;
  report.expect(
    'the cart is served by west alone, without a failure',
    `${served.length} calls, ${stray} by south, ${failures.length} failed`,
    stray === 0 && failures.length === 0 && served.length > 20,
  );
}
