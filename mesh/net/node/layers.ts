import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** A stream of Node's and what carries it: TLS over a connection, a stream of HTTP/2 over the TLS of its session. */
export interface Layer {
  readonly duplex: Duplex;
  readonly below: Layer | undefined;
}

/**
 * The TCP socket that carries a stream, through TLS, HTTP/2 and outer tunnels. Undefined where there is none, and where
 * a connection on the way has sent its end: nothing more can be written on it.
 */
export function wireOf(stream: Layer): Socket | undefined {
  for (let one: Layer | undefined = stream; one; one = one.below) {
    const { duplex } = one;
    if (!(duplex instanceof Socket)) continue;
    if (duplex.destroyed || duplex.writableEnded) return undefined;
    if (!(duplex instanceof TLSSocket)) return duplex;
  }
  return undefined;
}

/**
 * Ends a connection at once so that its peer sees a reset and no clean end: RST for TCP, also below TLS, which itself
 * has no word for it. An HTTP/2 stream of `mesh/http2` sends RST_STREAM whenever it is destroyed before both directions
 * have ended.
 */
export function cutOff({ duplex, below }: Layer): void {
  if (duplex.destroyed) return;
  if (duplex instanceof TLSSocket && below) {
    // TLS shuts the handle of its carrier down, and the carrier does not know.
    if (isShuttingDown(duplex)) below.duplex.destroy();
    else cutOff(below);
  }
  if (isPlain(duplex) && !isShuttingDown(duplex)) duplex.resetAndDestroy();
  else duplex.destroy();
}

/** TCP without TLS. */
export const isPlain = (duplex: Duplex): duplex is Socket =>
  duplex instanceof Socket && !(duplex instanceof TLSSocket);

/**
 * All bytes are with the kernel and FIN is about to be: libuv resets no such socket, and Node would lose its
 * handle: its descriptor stays open, and the thread can never end, as it waits for the close of that handle.
 * What was sent is whole, so a plain close cuts nothing off.
 */
const isShuttingDown = ({ writableEnded, writableFinished, writableLength }: Duplex): boolean =>
  writableEnded && !writableFinished && writableLength === 0;
