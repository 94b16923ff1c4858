import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { answer } from '../peer-process.ts';

// Applications that echo, or their clients: each in a process of its own, as each has a limit of open files.

const open = new Set<Socket>();
const atOnce = 100;

const api = {
  async serve({ addresses, port }: Served): Promise<void> {
    for (const host of addresses) {
      const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
      await once(server.listen({ host, port, backlog: 1024 }), 'listening');
    }
  },

  /**
   * Opens so many connections, from and to some addresses in turn; each has been answered once. Gives how many are open.
   */
  async open({ count, from, addresses, port }: Calls): Promise<number> {
    for (let begun = 0; begun < count; begun += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, count - begun) }, (_, i) => begun + i);
      await Promise.all(
        some.map((i) => call(from[i % from.length] ?? '', addresses[i % addresses.length] ?? '', port)),
      );
    }
    return open.size;
  },
};

interface Served {
  readonly addresses: readonly string[];
  readonly port: number;
}

interface Calls extends Served {
  readonly count: number;
  readonly from: readonly string[];
}

export type TrafficApi = typeof api;

async function call(localAddress: string, host: string, port: number): Promise<void> {
  const socket = connect({ host, port, localAddress });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined).on('close', () => open.delete(socket));
  socket.once('connect', () => socket.write('?'));
  await Promise.race([closed, once(socket, 'data').then(() => open.add(socket))]);
}

answer(api);
