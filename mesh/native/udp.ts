import type { AddressPort } from '../net/address.ts';
import { inNamespace, type SocketPlace } from './namespace.ts';
import { bind, newSocket, setOption } from './native.ts';
import { isIpv4, made, proxyMark, socketAddress } from './tcp.ts';

/**
 * The descriptor of a UDP socket of a namespace that is bound there, for `socket.bind({ fd })`. Several may share one place
 * (the data workers, an old proxy and a new one). What it sends has the proxy's mark. NATIVE_NAMESPACE, NATIVE_SOCKET.
 */
export const datagramsIn = (namespace: SocketPlace, place: AddressPort): number =>
  inNamespace(namespace, () =>
    made(newSocket(isIpv4(place.address) ? 'ipv4' : 'ipv6', 'datagrams'), (socket) => {
      setOption(socket, 'reusePort', 1);
      setOption(socket, 'mark', proxyMark);
      bind(socket, socketAddress(place));
    }),
  );

/** One that is still to be connected to `to`, canonical text. NATIVE_NAMESPACE, NATIVE_SOCKET. */
export const datagramSocketIn = (namespace: SocketPlace, to: string): number =>
  made(
    inNamespace(namespace, () => newSocket(isIpv4(to) ? 'ipv4' : 'ipv6', 'datagrams')),
    (socket) => setOption(socket, 'mark', proxyMark),
  );
