import { rmSync } from 'node:fs';
import { MeshError } from '../process/mesh-error.ts';
import {
  accept,
  bind,
  closeDescriptor,
  connect,
  listen,
  newSocket,
  receivePacket,
  sendPacket,
  whenReadable,
  type Packet,
} from './native.ts';
import { encodeSocketPath } from './socket-address.ts';

export type { Packet } from './native.ts';

const backlog = 16;

/** A connection of packets (SOCK_SEQPACKET) at a path: each is received whole, or is said to be cut, with its descriptors. */
export class PacketConnection {
  readonly #socket: number;
  #unwatch: (() => void) | undefined;
  #isClosed = false;

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** Calls `look` whenever something may wait, which then receives until nothing does. Once in the life of a connection. */
  watch(look: () => void): void {
    this.#unwatch = whenReadable(this.#socket, () => {
      if (!this.#isClosed) look();
    });
  }

  /** False: the peer takes nothing now. Its descriptors stay the caller's. NATIVE_PACKET: the connection is over. */
  send(bytes: Buffer, descriptors: readonly number[] = []): boolean {
    if (this.#isClosed) throw new MeshError('NATIVE_PACKET', 'the connection is closed');
    return sendPacket(this.#socket, bytes, descriptors);
  }

  /** The receiver closes the descriptors. A packet without bytes: the peer has closed. NATIVE_PACKET: as well, by force. */
  receive(maxBytes: number): Packet | undefined {
    return this.#isClosed ? undefined : receivePacket(this.#socket, maxBytes);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch?.();
    closeDescriptor(this.#socket);
  }
}

/** Listens for connections of packets at a path. */
export class PacketListener {
  readonly #socket: number;
  readonly #path: string;
  readonly #unwatch: () => void;
  #isClosed = false;

  /** What is at the path is removed. NATIVE_SOCKET. */
  constructor(path: string, onConnection: (connection: PacketConnection) => void) {
    this.#path = path;
    const address = pathAddress(path);
    rmSync(path, { force: true });
    this.#socket = newSocket('unix', 'packets');
    try {
      bind(this.#socket, address);
      listen(this.#socket, backlog);
    } catch (error) {
      closeDescriptor(this.#socket);
      throw error;
    }
    this.#unwatch = whenReadable(this.#socket, () => this.#accept(onConnection));
  }

  #accept(onConnection: (connection: PacketConnection) => void): void {
    while (!this.#isClosed) {
      const socket = accept(this.#socket);
      if (socket === undefined) return;
      onConnection(new PacketConnection(socket));
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch();
    closeDescriptor(this.#socket);
    rmSync(this.#path, { force: true });
  }
}

/** NATIVE_SOCKET: nobody listens there. */
export function connectPackets(path: string): PacketConnection {
  const address = pathAddress(path);
  const socket = newSocket('unix', 'packets');
  try {
    connect(socket, address);
    return new PacketConnection(socket);
  } catch (error) {
    closeDescriptor(socket);
    throw error;
  }
}

function pathAddress(path: string): Buffer {
  const bytes = encodeSocketPath(path);
  if (bytes) return bytes;
  throw new MeshError('NATIVE_SOCKET', `the path of a socket has 1 to 107 bytes, not '${path}'`);
}
