import { createSocket, type Socket } from 'node:dgram';
import { canonicalAddress, familyOf, type AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ResolverSocket, ResolverSocketHooks } from './capture.ts';

/**
 * A UDP socket to a resolver, from a port that the kernel picks at random. The kernel also drops what others send, as the
 * socket is connected. `begin` puts it where it is to send from, and says when it is there; what it throws is an error of
 * the socket.
 */
export function resolverSocket(
  to: AddressPort,
  begin: (socket: Socket, ready: () => void) => void,
  { onMessage, onError }: ResolverSocketHooks,
): ResolverSocket {
  const socket = createSocket(familyOf(to.address) === 'ipv4' ? 'udp4' : 'udp6');
  let [isConnected, isClosed] = [false, false];
  let waiting: Buffer[] = [];
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    waiting = [];
    socket.close();
  };
  const fail = (error: Error) => {
    if (isClosed) return;
    close();
    onError(error);
  };
  socket.on('error', fail);
  socket.on('message', (bytes, { address, port }) => {
    if (!isClosed) onMessage(bytes, { address: canonicalAddress(address) ?? address, port });
  });
  socket.on('connect', () => {
    isConnected = true;
    for (const bytes of waiting.splice(0)) socket.send(bytes);
  });
  try {
    begin(socket, () => {
      if (!isClosed) socket.connect(to.port, to.address);
    });
  } catch (error) {
    process.nextTick(() => fail(error instanceof Error ? error : new Error(String(error))));
  }
  return {
    send(bytes) {
      if (isClosed) return;
      if (isConnected) socket.send(bytes);
      else waiting.push(bytes);
    },
    close,
  };
}
