import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { metricSum } from '../observe/stats.ts';
import { parseTap, tappedBytes, type TappedStream } from '../observe/tap-file.ts';
import { until } from '../processes/wait.ts';
import type { Sandbox } from '../up.ts';
import { gatewayAddresses, gatewayMetrics, podAddress } from './addresses.ts';
import { clientHello } from './attackers/client-hello.ts';
import type { Report, Tour } from './context.ts';
import { settled } from './settled.ts';

/** At each gateway, a service that 15443 passes on, and a pod of another network that may ask for it. */
const passedOn: Readonly<Record<string, { name: string; from: readonly [cluster: string, pod: string] }>> = {
  east: { name: 'outbound_.8081_._.catalogue.shop.svc.cluster.local', from: ['west', 'cart'] },
  west: { name: 'outbound_.8082_._.cart.shop.svc.cluster.local', from: ['east', 'frontend'] },
  south: { name: 'outbound_.7070_._.store.shop.svc.cluster.local', from: ['east', 'frontend'] },
};

/** Sends one marker through all gateways inside mTLS, and another in the clear as a control; then looks for both. */
export async function searchMarker(tour: Tour, report: Report): Promise<void> {
  const { sandbox, traffic } = tour;
  const unique = `isthmus-marker-${process.pid}-${sandbox.place.octet}`;
  const [marker, control] = [`${unique}-secret`, `${unique}-control`];
  await traffic.pause();
  try {
    await sendMarked(tour, marker, report);
    for (const { name } of sandbox.clusters) await speakPlainly(sandbox, name, control);
    const taps = await wholeTaps(tour, report);
    const where = (text: string) => taps.flatMap((tap) => placesOf(text, tap));
    const found = where(marker);
    const [read, written] = (['read', 'written'] as const).map((action) =>
      taps.reduce((sum, { streams }) => sum + tappedBytes(streams, action), 0),
    );
    report.expect(
      "the marker is nowhere in the gateways' bytes, neither read nor written",
      `${found.join(', ') || 'nowhere'}; ${read ?? 0} bytes read and ${written ?? 0} written were searched`,
      found.length === 0 && (read ?? 0) > 0 && (written ?? 0) > 0,
    );
    inApplications(sandbox, marker, report);
    const controls = where(control);
    const expected = taps.flatMap(({ cluster }) => [`${cluster} read`, `${cluster} written`]);
    report.expect(
      'the same search finds a control in the clear at each gateway, as read and as written',
      controls.join(', ') || 'nowhere',
      expected.every((place) => controls.includes(place)),
    );
  } finally {
    traffic.resume();
  }
}

interface TapOf {
  readonly cluster: string;
  readonly streams: readonly TappedStream[];
}

const tapFile = ({ place }: Sandbox, cluster: string): string => join(place.stateDir, `${cluster}.tap`);

const placesOf = (text: string, { cluster, streams }: TapOf): readonly string[] => [
  ...new Set(streams.filter(({ bytes }) => bytes.includes(text)).map(({ action }) => `${cluster} ${action}`)),
];

/** Marked calls, until each gateway has carried some: nothing else is sent meanwhile. Each answer has the marker too. */
async function sendMarked(tour: Tour, marker: string, report: Report): Promise<void> {
  const { sandbox, clock } = tour;
  const clusters = sandbox.clusters.map(({ name }) => name);
  const size = (cluster: string) => statSync(tapFile(sandbox, cluster)).size;
  await settled(tour, () => clusters.map(size).join());
  const before = new Map(clusters.map((cluster) => [cluster, size(cluster)]));
  const grown = (cluster: string) => size(cluster) - (before.get(cluster) ?? 0);
  let [calls, marked] = [0, 0];
  const round = async () => {
    for (const path of [`cart/${marker}?catalogue`, `orders/${marker}`]) {
      const answer = await fetch(sandbox.shopUrl + path, { signal: AbortSignal.timeout(10_000) });
      calls++;
      if (answer.status === 200 && (await answer.text()).includes(marker)) marked++;
    }
    return clusters.every((cluster) => grown(cluster) > 0) ? true : undefined;
  };
  await until(clock, 'a marked call through each gateway', round, { within: 15_000 * tour.timeScale });
  report.expect(
    'calls with a marker crossed every gateway, and each answer bore it back',
    `${clusters.map((cluster) => `${cluster} ${grown(cluster)} bytes`).join(', ')}; ${marked} of ${calls} came back`,
    marked === calls,
  );
}

/** What the applications read from their sockets (APP_TAP). */
function inApplications(sandbox: Sandbox, marker: string, report: Report): void {
  const folder = sandbox.place.stateDir;
  const found = readdirSync(folder).filter(
    (name) => name.endsWith('.app-tap') && readFileSync(join(folder, name)).includes(marker),
  );
  report.expect(
    "the same search finds it in the applications' bytes on both sides of a gateway",
    found.join(', ') || 'nowhere',
    ['cart', 'catalogue'].every((app) => found.some((name) => name.includes(app))),
  );
}

/** The taps, once they hold every byte that the gateways say to have carried: a tap that dropped some would lie. */
async function wholeTaps(tour: Tour, report: Report): Promise<readonly TapOf[]> {
  const { sandbox, clock, timeScale } = tour;
  const one = async (cluster: string) => {
    const url = gatewayMetrics(sandbox, cluster);
    const names = ['istio_tcp_received_bytes_total', 'istio_tcp_sent_bytes_total'];
    const sums = await Promise.all(names.map((name) => metricSum(url, name)));
    const streams = parseTap(readFileSync(tapFile(sandbox, cluster)));
    const [carried, tapped] = [sums.reduce((a, b) => a + b, 0), tappedBytes(streams, 'read')];
    return { cluster, streams, carried, tapped };
  };
  const all = () => Promise.all(sandbox.clusters.map(({ name }) => one(name)));
  let taps = await all();
  const whole = () => taps.every(({ carried, tapped }) => carried > 0 && tapped >= carried);
  await until(clock, 'whole taps', async () => ((taps = await all()), whole() ? true : undefined), {
    within: 3000 * timeScale,
    every: 500,
  }).catch(() => undefined);
  report.expect(
    'each tap has read every byte that its gateway counted',
    taps.map(({ cluster, carried, tapped }) => `${cluster} ${tapped} of ${carried}`).join(', '),
    whole(),
  );
  return taps;
}

/** A hello that the gateway passes on, and behind it text in the clear; resolves when the other side has closed. */
function speakPlainly(sandbox: Sandbox, cluster: string, text: string): Promise<void> {
  const { name, from } = passedOn[cluster] ?? { name: '', from: ['', ''] };
  const host = gatewayAddresses(sandbox)[cluster] ?? '';
  return new Promise((resolve) => {
    const socket = connect({ host, port: 15_443, localAddress: podAddress(sandbox, from[0], from[1]) });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.setTimeout(3000, () => socket.destroy());
    socket.resume().write(Buffer.concat([clientHello(name), Buffer.from(`${text}\n`)]));
  });
}
