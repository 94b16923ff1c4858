import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '@isthmus/mesh/process/clock.ts';
import { violation, type Map16 } from '../../observe/networks.ts';
import { readConnections } from '../../observe/socket-table.ts';
import { gatewayAddresses } from '../addresses.ts';
import type { Report, Step, Tour } from '../context.ts';

const watchMillis = 30_000;
const everyMillis = 100;

/** Proof from the kernel and from the gateways' bytes that networks are joined only where and how they should be. */
export const nothingCrosses: Step = {
  title: 'no connection joins two networks but at a gateway, and nothing crosses in the clear',
  async run(tour, report) {
    const map = mapOf(tour);
    await watchSockets(tour, map, report);
    await plantForbidden(tour, map, report);
    await searchMarker(tour, report);
  },
};

function mapOf({ sandbox }: Tour): Map16 {
  return {
    octet: sandbox.place.octet,
    gateways: new Set(Object.values(gatewayAddresses(sandbox))),
    agents: new Set(sandbox.clusters.map(({ agentAddress }) => agentAddress)),
  };
}

function localhostPorts({ sandbox }: Tour): ReadonlySet<number> {
  return new Set([Number(new URL(sandbox.endpoint.url).port), sandbox.place.doorPort, 15080]);
}

/** The rows of the kernel's table that should not be, each once. */
function violations(tour: Tour, map: Map16): { seen: number; bad: readonly string[] } {
  const rows = readConnections();
  const inside = rows.filter(({ local, remote }) =>
    [local, remote].some((at) => at.startsWith(`127.${map.octet}.`)),
  );
  const bad = inside
    .map((row) => violation(row, map, localhostPorts(tour)))
    .filter((why) => why !== undefined);
  return { seen: inside.length, bad };
}

async function watchSockets(tour: Tour, map: Map16, report: Report): Promise<void> {
  const before = tour.traffic.sent;
  const bad = new Set<string>();
  let most = 0;
  const looks = watchMillis / everyMillis;
  for (let look = 0; look < looks; look++) {
    const found = violations(tour, map);
    found.bad.forEach((why) => bad.add(why));
    most = Math.max(most, found.seen);
    await sleep(tour.clock, everyMillis);
  }
  const visits = tour.traffic.sent - before;
  report.expect(
    'traffic ran while the socket table was read',
    `${visits} visits, up to ${most} sockets`,
    visits > 50 && most > 50,
  );
  report.expect(
    '0 connections join two networks away from a gateway',
    bad.size === 0 ? '0' : [...bad].slice(0, 3).join('; '),
    bad.size === 0,
  );
}

/** The same check must find one connection that we plant from east to west, or it proves nothing. */
async function plantForbidden(tour: Tour, map: Map16, report: Report): Promise<void> {
  const octet = map.octet;
  const server = createServer().listen(0, `127.${octet}.32.250`);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const planted = connect({ host: `127.${octet}.32.250`, port, localAddress: `127.${octet}.16.250` });
  await once(planted, 'connect');
  const { bad } = violations(tour, map);
  planted.destroy();
  server.close();
  report.expect(
    'a planted forbidden connection is found by the same check',
    bad[0] ?? 'not found',
    bad.length > 0,
  );
}

/** Sends one marker through a gateway inside mTLS, and one in the clear as a control; then looks for both. */
async function searchMarker(tour: Tour, report: Report): Promise<void> {
  const { sandbox } = tour;
  const marker = `isthmus-marker-${process.pid}-${sandbox.place.octet}-secret`;
  const control = `isthmus-marker-${process.pid}-${sandbox.place.octet}-control`;
  const crossed = await fetch(`${sandbox.doorUrl}cart/${marker}`);
  await crossed.arrayBuffer();
  for (const address of Object.values(gatewayAddresses(sandbox))) await speakPlainly(address, control);
  await sleep(tour.clock, 500);

  const taps = sandbox.clusters.map(({ name }) => readFileSync(join(sandbox.place.stateDir, `${name}.tap`)));
  const bytes = taps.reduce((sum, tap) => sum + tap.length, 0);
  const count = (text: string) => taps.filter((tap) => tap.includes(text)).length;
  const inApps = applicationBytes(tour).filter((tap) => tap.includes(marker)).length;
  report.expect('the marked call crossed a gateway', `status ${crossed.status}`, crossed.status === 200);
  report.expect(
    "the marker is in no gateway's bytes",
    `${count(marker)} of ${taps.length} taps, ${bytes} bytes searched`,
    count(marker) === 0 && bytes > 0,
  );
  report.expect("the same search finds it in the application's bytes", `${inApps} applications`, inApps > 0);
  report.expect(
    'the same search finds a plaintext control at each gateway',
    `${count(control)} of ${taps.length} taps`,
    count(control) === taps.length,
  );
}

/** What the cart's applications read from their sockets (APP_TAP). */
function applicationBytes({ sandbox }: Tour): readonly Buffer[] {
  return ['west', 'south'].map((cluster) =>
    readFileSync(join(sandbox.place.stateDir, `${cluster}-cart.app-tap`)),
  );
}

function speakPlainly(gateway: string, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: gateway, port: 15443, localAddress: gateway });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.setTimeout(3000, () => socket.destroy());
    socket.end(`${text}\n`);
  });
}
