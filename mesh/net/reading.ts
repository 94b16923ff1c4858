import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** As much of libuv's stream as is used here. `reading` is what Node believes; it is left alone. */
interface Handle {
  readonly reading: boolean;
  readStop(): number;
  readStart(): number;
}

/** TCP only: TLS and HTTP/2 have windows and buffers of their own. */
function handleOf(side: Duplex): Handle | undefined {
  if (!(side instanceof Socket) || side instanceof TLSSocket || side.destroyed) return undefined;
  return (side as unknown as { readonly _handle: Handle | null })._handle ?? undefined;
}

/**
 * Takes nothing more from the kernel, from this moment on. A socket of Node that was paused reads on until its buffer is
 * full, another 64 KiB.
 */
export const stopReading = (side: Duplex): void => void handleOf(side)?.readStop();

/** Takes it back, unless Node itself has stopped in between because its buffer was full. */
export function startReading(side: Duplex): void {
  const handle = handleOf(side);
  if (handle?.reading === true) handle.readStart();
}
