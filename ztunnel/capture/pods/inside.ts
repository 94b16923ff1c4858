import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { canonicalAddress, type AddressPort } from '@isthmus/mesh/net/address.ts';
import type { SocketPlace } from '@isthmus/mesh/native/namespace.ts';
import { closeDescriptor } from '@isthmus/mesh/native/native.ts';
import { NativeError } from '@isthmus/mesh/native/native-error.ts';
import { listenAnywhere, originalDestination, socketIn, type Dialling } from '@isthmus/mesh/native/tcp.ts';
import { datagramSocketIn } from '@isthmus/mesh/native/udp.ts';
import type { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { tuned } from '@isthmus/mesh/net/node/tuned.ts';
import { abortedBefore, whenConnected, type Dialled } from '@isthmus/mesh/net/node/when-connected.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import { dnsPort, hbonePort, proxyPorts } from '@isthmus/mesh/decide/proxy-ports.ts';
import type { ResolverSocket, ResolverSocketHooks } from '../capture.ts';
import { farEnd } from '../far-end.ts';
import { resolverSocket } from '../resolver-socket.ts';
import { DnsListeners } from './dns-listeners.ts';

/** Which listener a connection came to, and what the pod's rules send there. */
const roles = { outbound: 15001, inbound: 15006, hbone: hbonePort } as const;
export type Role = keyof typeof roles;

/** A port at which this proxy cannot listen. */
export class PortRefused extends MeshError {
  readonly port: number;
  /** The kernel's name of the reason. */
  readonly errno: string;

  constructor(port: number, { code, message, errno }: NativeError) {
    super(code, `port ${port}: ${message}`);
    this.port = port;
    this.errno = errno;
  }
}

const refusedAt = (port: number, error: unknown): unknown =>
  error instanceof NativeError && error.code === 'NATIVE_SOCKET' ? new PortRefused(port, error) : error;

/** A connection that was captured. */
export interface Captured {
  readonly role: Role;
  readonly connection: NodeStream;
  readonly from: AddressPort;
  /** Where it had been going. */
  readonly original: AddressPort;
}

export interface InsideDeps {
  readonly clock: Clock;
  readonly lost: LostPeers;
  readonly onCaptured: (captured: Captured) => void;
  /** The kernel did not say where a connection had been going, which is closed. */
  readonly onLost: (role: Role, from: AddressPort, why: unknown) => void;
  readonly onDnsConnection: (connection: NodeStream, from: AddressPort) => void;
  readonly onDatagram: (from: AddressPort, bytes: Buffer, answer: (bytes: Buffer) => void) => void;
}

/** A pod's network namespace: the listeners in it, what came to them, and what was dialled from there. */
export class Inside {
  readonly #place: SocketPlace;
  readonly #deps: InsideDeps;
  readonly #dns: DnsListeners;
  readonly #servers = new Set<ReturnType<typeof createServer>>();
  readonly #streams = new Set<NodeStream>();
  #whenEmpty: (() => void) | undefined;
  #isCut = false;

  constructor(place: SocketPlace, deps: InsideDeps) {
    this.#place = place;
    this.#deps = deps;
    this.#dns = new DnsListeners(place, {
      onConnection: (socket) => this.#asked(socket),
      onDatagram: deps.onDatagram,
    });
  }

  /** Rejects with the first `PortRefused`, or NATIVE_NAMESPACE; no listener is open then. */
  async open(): Promise<void> {
    try {
      for (const role of Object.keys(roles) as Role[]) await this.#listen(role);
      await this.#openDns();
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  get listeners(): number {
    return this.#servers.size + this.#dns.size;
  }

  /** Accepts nothing more. */
  stop(): void {
    for (const server of this.#servers) server.close();
    this.#servers.clear();
    this.#dns.close();
  }

  /** Resolves once every connection has ended. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#streams.size === 0) resolve();
    });
  }

  /** Ends every connection at once, and lets none begin. */
  cut(): void {
    this.#isCut = true;
    for (const stream of [...this.#streams]) stream.reset();
  }

  /**
   * Dials from the namespace. `source`: whose address the far side sees; another family than the far side's has none.
   * Throws DIAL_REFUSED, DIAL_TIMEOUT or DIAL_ABORTED naming the address.
   */
  async dial(to: Dialled, source: string | undefined): Promise<NodeStream> {
    if (to.signal?.aborted || this.#isCut) throw abortedBefore(to);
    const isLike = source !== undefined && source.includes(':') === to.address.includes(':');
    const fd = this.#socket(to, { to: to.address, source: isLike ? source : undefined });
    // Without manualStart Node would read from it before it is connected, which fails.
    const options = { fd, manualStart: true, allowHalfOpen: true };
    const socket = new Socket(options);
    const stream = this.#keep(socket);
    socket.connect({ host: to.address, port: to.port });
    await whenConnected(socket, to, this.#deps.clock);
    return stream;
  }

  /** For one question to a resolver, from the namespace. */
  resolverSocket(to: AddressPort, hooks: ResolverSocketHooks): ResolverSocket {
    return resolverSocket(
      to,
      (socket, ready) => {
        if (this.#isCut) throw abortedBefore(to);
        const fd = datagramSocketIn(this.#place, to.address);
        try {
          socket.bind({ fd }, ready);
        } catch (error) {
          closeDescriptor(fd);
          throw error;
        }
      },
      hooks,
    );
  }

  #asked(socket: Socket): void {
    const stream = this.#keep(tuned(socket));
    const from = farEnd(socket);
    if (from) this.#deps.onDnsConnection(stream, from);
    else stream.reset();
  }

  #socket({ address, port }: AddressPort, dialling: Dialling): number {
    try {
      return socketIn(this.#place, dialling);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MeshError('DIAL_REFUSED', `${address}:${port} cannot be dialled from the pod: ${why}`, {
        cause,
      });
    }
  }

  async #listen(role: Role): Promise<void> {
    // Half-open, as each direction of a connection ends by itself; paused, as the first bytes may belong to TLS.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on('connection', (socket) => this.#accepted(socket, role));
    server.listen({ fd: this.#listener(roles[role]) });
    await once(server, 'listening');
    server.on('error', () => undefined);
    this.#servers.add(server);
  }

  async #openDns(): Promise<void> {
    try {
      await this.#dns.open();
    } catch (error) {
      throw refusedAt(dnsPort, error);
    }
  }

  #listener(port: number): number {
    try {
      return listenAnywhere(this.#place, port);
    } catch (error) {
      throw refusedAt(port, error);
    }
  }

  #accepted(socket: Socket, role: Role): void {
    const stream = this.#keep(tuned(socket));
    // Its caller may have reset it before it was accepted: then it has neither an address nor an original destination.
    const from = farEnd(socket);
    const original = from && this.#known(socket, role, from);
    if (original) this.#deps.onCaptured({ role, connection: stream, from, original });
    else stream.reset();
  }

  #known(socket: Socket, role: Role, from: AddressPort): AddressPort | undefined {
    try {
      return this.#originalOf(socket, role, from);
    } catch (error) {
      this.#deps.onLost(role, from, error);
      return undefined;
    }
  }

  /** Undefined: nobody redirected it, and to dial what it called would be a loop through this proxy. */
  #originalOf(socket: Socket, role: Role, from: AddressPort): AddressPort | undefined {
    const called = localEnd(socket);
    if (role === 'hbone' || !called) return called;
    const original = this.#redirectedFrom(socket, from);
    if (!original || (original.address === called.address && original.port === roles[role])) return undefined;
    return role === 'inbound' && proxyPorts.has(original.port) ? undefined : original;
  }

  #redirectedFrom(socket: Socket, from: AddressPort): AddressPort | undefined {
    // Node shows the descriptor of the handle in no other way.
    const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd: number } | null };
    return handle ? originalDestination(handle.fd, from.address) : undefined;
  }

  #keep(socket: Socket): NodeStream {
    const stream = new NodeStream(socket, undefined, this.#deps.lost);
    this.#streams.add(stream);
    socket.once('close', () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#whenEmpty?.();
    });
    return stream;
  }
}

/** The address that was called, of a connection that nobody redirected. */
function localEnd({ localAddress, localPort }: Socket): AddressPort | undefined {
  const address = localAddress === undefined ? undefined : canonicalAddress(localAddress);
  return address === undefined || localPort === undefined ? undefined : { address, port: localPort };
}
