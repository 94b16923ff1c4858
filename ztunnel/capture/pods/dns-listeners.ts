import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { canonicalAddress, isLoopback, type AddressPort } from '@isthmus/mesh/net/address.ts';
import type { SocketPlace } from '@isthmus/mesh/native/namespace.ts';
import { NativeError } from '@isthmus/mesh/native/native-error.ts';
import { listenAnywhere } from '@isthmus/mesh/native/tcp.ts';
import { datagramsIn } from '@isthmus/mesh/native/udp.ts';
import { dnsPort } from '@isthmus/mesh/decide/proxy-ports.ts';

interface Hooks {
  readonly onConnection: (socket: Socket) => void;
  readonly onDatagram: (from: AddressPort, bytes: Buffer, answer: (bytes: Buffer) => void) => void;
}

/**
 * To where the rules of a pod redirect: an answer has to come from the address to which its question was redirected. A pod
 * without IPv6 has the first alone.
 */
const addresses = ['127.0.0.1', '::1'] as const;
const withoutFamily: readonly string[] = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

/** Where questions of a pod for names come, inside its network namespace. */
export class DnsListeners {
  readonly #place: SocketPlace;
  readonly #hooks: Hooks;
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<DatagramSocket>();

  constructor(place: SocketPlace, hooks: Hooks) {
    this.#place = place;
    this.#hooks = hooks;
  }

  /** Rejects with the first refusal: NATIVE_NAMESPACE, NATIVE_SOCKET. */
  async open(): Promise<void> {
    await this.#listen();
    for (const address of addresses)
      try {
        this.#hear({ address, port: dnsPort });
      } catch (error) {
        const isAbsent = error instanceof NativeError && withoutFamily.includes(error.errno);
        if (!isAbsent || address === addresses[0]) throw error;
      }
  }

  get size(): number {
    return this.#servers.size + this.#sockets.size;
  }

  close(): void {
    for (const one of [...this.#servers, ...this.#sockets]) one.close();
    this.#servers.clear();
    this.#sockets.clear();
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on('connection', (socket) => {
      // The listener is on every address, so that one descriptor does: others than this pod cannot ask in its name.
      if (isLoopback(canonicalAddress(socket.localAddress ?? '') ?? '')) this.#hooks.onConnection(socket);
      else socket.resetAndDestroy();
    });
    server.listen({ fd: listenAnywhere(this.#place, dnsPort) });
    await once(server, 'listening');
    server.on('error', () => undefined);
    this.#servers.add(server);
  }

  #hear(at: AddressPort): void {
    const socket = createSocket(at.address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (bytes, { address, port }) =>
      this.#hooks.onDatagram({ address: canonicalAddress(address) ?? address, port }, bytes, (answer) => {
        // It may have closed since, and what cannot be sent is lost.
        if (this.#sockets.has(socket)) socket.send(answer, port, address, () => undefined);
      }),
    );
    socket.on('error', () => undefined);
    // Node says that it is bound before this returns.
    socket.bind({ fd: datagramsIn(this.#place, at) });
    this.#sockets.add(socket);
  }
}
