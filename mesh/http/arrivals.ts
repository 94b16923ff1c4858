import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { Handshakes, type Handshake, type HandshakeLimits } from '../net/handshakes.ts';
import type { Clock } from '../process/clock.ts';
import { LimitedLines } from '../process/limited-lines.ts';
import type { Log } from '../process/log.ts';

/** Node ends what has sent no request in time, with an answer: this is for what it overlooks. */
const timeoutMillis = 15_000;

/**
 * Limits the connections of a listener that have not sent a request yet, like handshakes: 512 of one address, 1,024 in
 * all, of which the oldest gives way. On a listener with TLS each counts as a handshake that has begun: 384 of them. A
 * request that cannot be read does not count against its address, as refusing it costs nothing. Gives the function that is to
 * be called with the connection of each request.
 */
export function limitArrivals(
  server: Server,
  name: string,
  { clock, log, limits = {} }: { clock: Clock; log: Log; limits?: Partial<HandshakeLimits> },
): (socket: Socket) => void {
  const handshakes = new Handshakes(clock, { timeoutMillis, ...limits });
  const lines = new LimitedLines(clock, log, 1);
  const arriving = new WeakMap<Socket, Handshake>();
  const isTls = server instanceof TlsServer;
  /** Where a request has another socket than the connection on which it came: by both of its ends. */
  const byEnds = new Map<string, Handshake>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const handshake = handshakes.begin(address, (limit) => {
      lines.warn(
        limit,
        { listener: name, address, limit },
        'a connection without a request was ended: too many of them, or for too long',
      );
      socket.destroy();
    });
    if (!handshake) return;
    arriving.set(socket, handshake);
    socket.once('close', () => handshake.failed('silent'));
    if (!isTls) return;
    handshake.begun();
    const ends = endsOf(socket);
    byEnds.set(ends, handshake);
    socket.once('close', () => {
      if (byEnds.get(ends) === handshake) byEnds.delete(ends);
    });
  });
  server.on('secureConnection', (socket: Socket) => {
    const handshake = byEnds.get(endsOf(socket));
    if (handshake) arriving.set(socket, handshake);
  });
  return (socket) => arriving.get(socket)?.succeeded();
}

const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
