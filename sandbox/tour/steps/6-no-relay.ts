import { once } from 'node:events';
import { createServer } from 'node:net';
import { metricSum } from '../../observe/stats.ts';
import { gatewayAddresses, podAddress, podEnv } from '../addresses.ts';
import { connectStatus, plainBytesBack } from '../attacker.ts';
import type { Report, Step, Tour } from '../context.ts';
import { memberLeaf } from '../member.ts';
import { clientHello } from '../client-hello.ts';

interface Trap {
  readonly address: string;
  readonly port: number;
  accepts: number;
  close(): void;
}

async function trap(address: string): Promise<Trap> {
  const server = createServer((socket) => {
    found.accepts++;
    socket.destroy();
  });
  server.listen(0, address);
  await once(server, 'listening');
  const found: Trap = {
    address,
    port: (server.address() as { port: number }).port,
    accepts: 0,
    close: () => void server.close(),
  };
  return found;
}

/** A true member asks west's gateway for what it must not forward to. */
export const noRelay: Step = {
  title: 'a gateway is no relay',
  async run(tour: Tour, report: Report) {
    const { sandbox } = tour;
    const base = `127.${sandbox.place.octet}`;
    const gateway = gatewayAddresses(sandbox)['west'] ?? '';
    const from = podAddress(sandbox, 'east', 'frontend');
    const member = await memberLeaf(sandbox, 'east', 'frontend');
    const stats = `http://${podEnv(sandbox, 'west', 'eastwest-gateway', 'istio-system')['APP_ADDRESS'] ?? ''}:15020/metrics`;
    const dials = () => metricSum(stats, 'isthmus_gateway_dials_total');
    const door = { host: gateway, port: 15008, localAddress: from, alpn: 'h2' };

    const open = await connectStatus(
      { ...door, host: gatewayAddresses(sandbox)['south'] ?? '' },
      member,
      'cart.shop.svc.cluster.local:8082',
    );
    report.expect('an exported service is forwarded to (control, at south)', open, open === '200');

    tour.traffic.pause();
    const traps = {
      pod: await trap(`${base}.33.250`),
      node: await trap(`${base}.32.10`),
      other: await trap(`${base}.49.250`),
      local: await trap('127.0.0.1'),
    };
    await settled(tour, dials);
    const before = await dials();
    const wanted: Readonly<Record<string, string>> = {
      'a service that is not exported': 'frontend.shop.svc.cluster.local:8080',
      'a pod address': `${traps.pod.address}:${traps.pod.port}`,
      'a node port': `${traps.node.address}:${traps.node.port}`,
      'a host of another network': `${traps.other.address}:${traps.other.port}`,
      'a service of another network': 'orders.shop.svc.cluster.local:8083',
      localhost: `127.0.0.1:${traps.local.port}`,
      'localhost by name': `localhost:${traps.local.port}`,
      'an exported host at another port': 'cart.shop.svc.cluster.local:22',
    };
    for (const [what, authority] of Object.entries(wanted)) {
      const seen = await connectStatus(door, member, authority);
      report.expect(`15008: ${what} is refused`, seen, ['400', '403', '404', '503'].includes(seen));
      const sni = `outbound_.${authority.split(':')[1] ?? ''}_._.${authority.split(':')[0] ?? ''}`;
      const back = await plainBytesBack(gateway, 15443, from, clientHello(sni));
      report.expect(`15443: ${what} is refused`, `${back} bytes back`, back === 0);
    }
    const accepts = Object.values(traps).reduce((sum, one) => sum + one.accepts, 0);
    const dialled = (await dials()) - before;
    for (const one of Object.values(traps)) one.close();
    tour.traffic.resume();
    report.expect('traps at the targets accepted 0 connections', String(accepts), accepts === 0);
    report.expect('the gateway’s dial counter stood still', `${dialled} dials`, dialled === 0);
  },
};

/** Waits until the counter no longer moves: the traffic that was paused has come to its end. */
async function settled({ clock }: Tour, dials: () => Promise<number>): Promise<void> {
  for (let last = -1, now = await dials(); now !== last; now = await dials()) {
    last = now;
    await new Promise<void>((resolve) => clock.after(1000, resolve));
  }
}
