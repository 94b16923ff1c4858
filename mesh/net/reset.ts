import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { setBelow } from './wire.ts';

/** What a TLS socket was made over: a reset of TLS is a reset of its carrier, as TLS itself has no word for it. */
const carriers = new WeakMap<Duplex, Duplex>();

/** Remembers that `secured` is TLS over `carrier`. */
export function setCarrier(secured: Duplex, carrier: Duplex): void {
  carriers.set(secured, carrier);
  setBelow(secured, carrier);
}

/**
 * Ends a connection at once so that its peer sees a reset and no clean end: RST for TCP, also below TLS. An HTTP/2
 * stream of `mesh/http2` sends RST_STREAM whenever it is destroyed before both directions have ended.
 */
export function reset(side: Duplex): void {
  const carrier = carriers.get(side);
  if (carrier !== undefined && !side.destroyed) {
    // TLS shuts the handle of its carrier down, and the carrier does not know.
    if (side instanceof TLSSocket && isShuttingDown(side)) carrier.destroy();
    else reset(carrier);
  }
  if (side instanceof Socket && !(side instanceof TLSSocket) && !isShuttingDown(side)) side.resetAndDestroy();
  else side.destroy();
}

/**
 * All bytes are with the kernel and FIN is about to be: libuv resets no such socket, and Node would lose its
 * handle: its descriptor stays open, and the thread can never end, as it waits for the close of that handle.
 * What was sent is whole, so a plain close cuts nothing off.
 */
const isShuttingDown = ({ writableEnded, writableFinished, writableLength }: Socket): boolean =>
  writableEnded && !writableFinished && writableLength === 0;
