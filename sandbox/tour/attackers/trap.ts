import { once } from 'node:events';
import { createServer } from 'node:net';

/** A listener that nobody should reach. */
export interface Trap {
  readonly port: number;
  readonly accepts: number;
  close(): void;
}

/** Any free port when `port` is 0. */
export async function trap(address: string, port = 0): Promise<Trap> {
  let accepts = 0;
  const server = createServer((socket) => {
    accepts++;
    socket.destroy();
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    get accepts() {
      return accepts;
    },
    close: () => void server.close(),
  };
}
