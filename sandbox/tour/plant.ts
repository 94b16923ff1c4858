import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Map16 } from '../observe/networks.ts';
import { gatewayAddresses } from './addresses.ts';
import type { Report, Tour } from './context.ts';
import { forbiddenNow } from './watch-sockets.ts';

/** The same check must find what we plant, or it proves nothing: one connection of each kind that must not be. */
export async function plantForbidden(tour: Tour, map: Map16, report: Report): Promise<void> {
  const base = `127.${map.octet}`;
  const planted: Readonly<Record<string, { from: string; to: string }>> = {
    'a pod that dials a pod of another network': { from: `${base}.16.250`, to: `${base}.32.250` },
    'a gateway that dials into another network': {
      from: gatewayAddresses(tour.sandbox)['east'] ?? '',
      to: `${base}.32.250`,
    },
    'localhost that dials a pod': { from: '127.0.0.1', to: `${base}.16.250` },
    'a pod that dials the hub': { from: `${base}.16.250`, to: `${base}.0.1` },
  };
  for (const [what, { from, to }] of Object.entries(planted)) {
    const found = await whilePlanted(from, to, () =>
      forbiddenNow(map).filter((why) => why.includes(`${from}:`) && why.includes(`${to}:`)),
    );
    report.expect(`planted, and found by the same check: ${what}`, found[0] ?? 'not found', found.length > 0);
  }
}

async function whilePlanted<T>(from: string, to: string, look: () => T): Promise<T> {
  const server = createServer().listen(0, to);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const planted = connect({ host: to, port, localAddress: from });
  try {
    await once(planted, 'connect');
    return look();
  } finally {
    planted.destroy();
    server.close();
  }
}
