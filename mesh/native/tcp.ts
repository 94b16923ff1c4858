import type { AddressPort } from '../net/address.ts';
import { MeshError } from '../process/mesh-error.ts';
import { inNamespace, type SocketPlace } from './namespace.ts';
import { NativeError } from './native-error.ts';
import { addressOption, bind, closeDescriptor, listen, newSocket, setOption } from './native.ts';
import { decodeSocketAddress, encodeSocketAddress } from './socket-address.ts';

/** What the rules of a pod know a proxy's own packets by (0x539, as upstream's). */
export const proxyMark = 0x539;

/** As Node's own; the kernel caps it at its somaxconn. */
const backlog = 511;

export const isIpv4 = (address: string): boolean => !address.includes(':');

/**
 * The descriptor of a TCP socket that listens in a namespace, for `server.listen({ fd })`. Several may listen at one place
 * (the data workers, an old proxy and a new one). Accepted connections have the proxy's mark. `::` takes IPv4 too.
 * NATIVE_NAMESPACE, NATIVE_SOCKET.
 */
export const listenIn = (namespace: SocketPlace, place: AddressPort): number =>
  inNamespace(namespace, () =>
    made(newSocket(isIpv4(place.address) ? 'ipv4' : 'ipv6', 'stream'), (socket) => {
      setOption(socket, 'reuseAddress', 1);
      setOption(socket, 'reusePort', 1);
      setOption(socket, 'mark', proxyMark);
      if (!isIpv4(place.address)) setOption(socket, 'v6Only', 0);
      bind(socket, socketAddress(place));
      listen(socket, backlog);
    }),
  );

/** On every address of a namespace, whichever it will have; of a kernel without IPv6, on those of IPv4. NATIVE_*. */
export function listenAnywhere(namespace: SocketPlace, port: number): number {
  try {
    return listenIn(namespace, { address: '::', port });
  } catch (error) {
    if (!(error instanceof NativeError) || error.errno !== 'EAFNOSUPPORT') throw error;
    return listenIn(namespace, { address: '0.0.0.0', port });
  }
}

/** What a socket that dials is to be. */
export interface Dialling {
  /** The address that will be dialled: its family is that of the socket. Canonical text. */
  readonly to: string;
  /** Whose address the far side sees, which need not be one of the namespace: canonical text, of the same family. */
  readonly source?: string | undefined;
}

/** The descriptor of a TCP socket of a namespace, with the proxy's mark, that is still to be connected. NATIVE_*. */
export function socketIn(namespace: SocketPlace, { to, source }: Dialling): number {
  // A socket stays in the namespace in which it was made, so the rest may be done at home.
  const socket = inNamespace(namespace, () => newSocket(isIpv4(to) ? 'ipv4' : 'ipv6', 'stream'));
  return made(socket, () => {
    setOption(socket, 'mark', proxyMark);
    if (source === undefined) return;
    setOption(socket, isIpv4(source) ? 'transparent' : 'transparent6', 1);
    // The port is then chosen at connect, for that destination: bind would look for one that nobody uses at all.
    setOption(socket, 'bindAddressNoPort', 1);
    bind(socket, socketAddress({ address: source, port: 0 }));
  });
}

/**
 * Where a connection that was redirected had been going. Undefined: the kernel knows of none. Conntrack also answers for
 * what nobody redirected, with the address that was called. `peer` is canonical text: IPv4 on `::` is asked as IPv4.
 */
export function originalDestination(socket: number, peer: string): AddressPort | undefined {
  const bytes = addressOption(socket, isIpv4(peer) ? 'originalDestination' : 'originalDestination6');
  const decoded = bytes && decodeSocketAddress(bytes);
  return decoded?.ok === true ? decoded.value : undefined;
}

/** Runs `prepare`; a socket that it refuses is closed. */
export function made(socket: number, prepare: (socket: number) => void): number {
  try {
    prepare(socket);
    return socket;
  } catch (error) {
    closeDescriptor(socket);
    throw error;
  }
}

export function socketAddress(place: AddressPort): Buffer {
  const bytes = encodeSocketAddress(place);
  if (bytes) return bytes;
  throw new MeshError('NATIVE_SOCKET', `'${place.address}' is no IP address`);
}
