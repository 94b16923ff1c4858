import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What each stream is carried over: TLS over a connection, a stream of HTTP/2 over the socket of its session. */
const below = new WeakMap<Duplex, Duplex>();

/** Remembers that `upper` is carried over `lower`. */
export const setBelow = (upper: Duplex, lower: Duplex): void => void below.set(upper, lower);

/**
 * The TCP socket that carries a stream, through TLS, HTTP/2 and outer tunnels. Undefined where there is none, and where
 * a connection on the way has sent its end: nothing more can be written on it.
 */
export function wireOf(stream: Duplex): Socket | undefined {
  for (let one: Duplex | undefined = stream; one; one = below.get(one)) {
    if (!(one instanceof Socket)) continue;
    if (one.destroyed || one.writableEnded) return undefined;
    if (!(one instanceof TLSSocket)) return one;
  }
  return undefined;
}
