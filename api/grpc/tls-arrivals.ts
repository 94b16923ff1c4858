import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import { Handshakes, type Handshake, type HandshakeLimit } from '@isthmus/mesh/net/handshakes.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { Turns } from '@isthmus/mesh/process/turns.ts';
import { peekHello } from '@isthmus/mesh/tls/peek-hello.ts';
import type { Certificates } from './certificates.ts';

/** After a listener was closed, what is being sent has this long to leave, milliseconds. */
const farewell = 1000;

export interface ArrivalsDeps {
  readonly certificates: Certificates;
  /** Whether a peer must show a certificate that the current CA has issued. */
  readonly mutual: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes over a connection whose TLS handshake is done. */
  readonly hand: (socket: TLSSocket) => void;
}

/** A handshake takes a millisecond: what is known already is served between eight of them. */
const turns = new Turns(8);

/** A connection whose peer has not proven itself. */
interface Arrival {
  readonly raw: Socket;
  readonly handshake: Handshake;
  /** Its TLS handshake is done. */
  secured: boolean;
}

/**
 * Accepts TCP connections, does their TLS handshakes, and limits those whose peers have not proven themselves by
 * `Handshakes`. node:tls alone would wait two minutes for each handshake, for any number of them, and for ever for what
 * comes then.
 */
export class TlsArrivals {
  readonly #deps: ArrivalsDeps;
  readonly #listening: Server[] = [];
  readonly #open = new Set<Socket>();
  readonly #handshakes: Handshakes;
  readonly #lines: LimitedLines;
  readonly #tls: TlsServer;
  readonly #stopWatching: () => void;
  /** By `address:port` of the peer, as gRPC names it. */
  readonly #arrivals = new Map<string, Arrival>();
  /** False when the certificates that were set last cannot be used: nobody is let in by those before. */
  #usable = true;

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps;
    this.#handshakes = new Handshakes(deps.clock);
    this.#lines = new LimitedLines(deps.clock, deps.log, 1);
    this.#tls = createTlsServer({
      ...contextOf(deps),
      requestCert: deps.mutual,
      rejectUnauthorized: deps.mutual,
      ALPNProtocols: ['h2'],
    });
    this.#tls.on('secureConnection', (socket) => this.#secured(socket));
    this.#stopWatching = deps.certificates.onChange(() => this.#renew());
  }

  /** At one address more. Resolves with the port that is listened on; rejects with the error of node:net. */
  listen(host: string, port: number): Promise<number> {
    const server = createServer({ noDelay: true }, (raw) => this.#accept(raw));
    return new Promise((resolve, reject) => {
      server.once('error', reject).listen(port, host, () => {
        server.off('error', reject);
        this.#listening.push(server);
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }

  /** How many connections have not proven themselves yet. */
  get arriving(): number {
    return this.#arrivals.size;
  }

  /** `peer`, `address:port`, has proven itself: its connection may stay. */
  proven(peer: string): void {
    this.#arrivals.get(peer)?.handshake.succeeded();
    this.#arrivals.delete(peer);
  }

  /** Accepts nobody from now on, ends the connections that have not proven themselves, and a second later all others. */
  close(): void {
    this.#stopWatching();
    for (const server of this.#listening) server.close();
    for (const { raw } of this.#arrivals.values()) raw.destroy();
    const rest = () => {
      for (const raw of this.#open) raw.destroy();
    };
    if (this.#open.size > 0) this.#deps.clock.after(farewell, rest);
  }

  #accept(raw: Socket): void {
    raw.on('error', () => undefined);
    const { remoteAddress: address, remotePort } = raw;
    if (address === undefined || !this.#usable) {
      raw.destroy();
      return;
    }
    const handshake = this.#handshakes.begin(address, (reason) => {
      this.#tell(reason, address);
      raw.destroy();
    });
    if (!handshake) {
      this.#tell('HANDSHAKES_FAILED', address);
      raw.destroy();
      return;
    }
    this.#track(`${address}:${remotePort}`, { raw, handshake, secured: false });
    void this.#begin(raw, handshake);
  }

  /** A TLS session takes some 90 KiB: it is made once a whole client hello has come. */
  async #begin(raw: Socket, handshake: Handshake): Promise<void> {
    const arrived = new NodeStream(raw);
    const { first } = await peekHello(arrived, this.#deps.clock, {});
    if (first.kind === 'hello') await turns.next(raw.remoteAddress ?? '');
    if (raw.destroyed) return;
    if (first.kind === 'hello') {
      handshake.begun();
      this.#tls.emit('connection', arrived.handOver());
    } else raw.destroy();
  }

  #track(peer: string, arrival: Arrival): void {
    const { raw, handshake } = arrival;
    // The kernel gives a port out again only when the connection before is gone, whether this process knows it or not.
    this.#arrivals.get(peer)?.raw.destroy();
    this.#arrivals.set(peer, arrival);
    this.#open.add(raw);
    raw.once('close', () => {
      this.#open.delete(raw);
      if (this.#arrivals.get(peer) === arrival) this.#arrivals.delete(peer);
      // Who only looks at the certificate, as an agent does before it joins, has not failed.
      if (arrival.secured) handshake.succeeded();
      else handshake.failed(raw.bytesRead > 0 ? 'bytes' : 'silent');
    });
  }

  #secured(socket: TLSSocket): void {
    // A connection that is reset must not end the process.
    socket.on('error', () => undefined);
    const arrival = this.#arrivals.get(`${socket.remoteAddress}:${socket.remotePort}`);
    if (!arrival || socket.alpnProtocol !== 'h2') {
      socket.destroy();
      return;
    }
    arrival.secured = true;
    this.#deps.hand(socket);
  }

  /** One line a second for each limit: strangers must not fill a disk. */
  #tell(limit: HandshakeLimit, address: string): void {
    this.#lines.warn(limit, { limit, address }, this.#handshakes.explain(limit));
  }

  #renew(): void {
    try {
      this.#tls.setSecureContext(contextOf(this.#deps));
      this.#usable = true;
    } catch (error) {
      this.#usable = false;
      this.#deps.log.error(
        { error: error instanceof Error ? error.message : String(error) },
        'the new certificates of this listener cannot be used: it refuses connections until it gets others',
      );
    }
  }
}

/** Throws when they cannot be used. Without roots of its own, node:tls would verify peers by those of the web. */
function contextOf({ certificates, mutual }: ArrivalsDeps): SecureContextOptions {
  const { identity, ca } = certificates;
  if (mutual && ca === '') throw new Error('peers must be verified, and there is no CA to verify them by');
  return { key: identity.key, cert: identity.chain, ca: ca === '' ? undefined : ca };
}
