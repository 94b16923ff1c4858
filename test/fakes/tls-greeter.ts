import { createServer } from 'node:net';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { makeAuthority, tableOf } from './authority.ts';
import { acceptTls } from './tls-on-sockets.ts';

/** A program: lets one peer in by mTLS and greets it. Prints its port, and what the peer may show, as one line. */
const authority = makeAuthority();
const own = authority.leaf('spiffe://cluster.local/ns/shop/sa/cart');
const server = createServer((socket) => {
  const options = { credentials: own, alpn: ['h2'], table: tableOf(authority), clock: systemClock };
  acceptTls(socket, { ...options, layer: 'hbone', timeoutMillis: 5000 }).then(
    ({ socket: secured }) => secured.end('hello'),
    (error: unknown) => console.error(String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  console.log(JSON.stringify({ port, ...authority.leaf('spiffe://cluster.local/ns/shop/sa/front') }));
});
