import type { ByteStream, Receiver } from '@isthmus/mesh/net/byte-stream.ts';
import type { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { ProxyError } from '../proxy-error.ts';

const nothing = { sent: 0, received: 0 };
const hasGone = new ProxyError('CLIENT_GONE', 'the client has gone before its destination answered');

export interface WatchDeps {
  readonly lostPeers: LostPeers;
}

/**
 * Runs what is done for a connection while nobody reads it, as its far side is being dialled: then nobody would notice
 * its reset. The signal aborts with CLIENT_GONE when it has closed.
 */
export async function whileThere<T>(
  { lostPeers }: WatchDeps,
  near: ByteStream,
  work: (gone: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController();
  near.receive(untilClosed(() => gone.abort(hasGone)));
  const unwatch = lostPeers.watch(near, near, nothing);
  try {
    return await work(gone.signal);
  } finally {
    unwatch();
  }
}

/** Of a stream that stays paused, so that nothing but its close comes. */
const untilClosed = (onClose: () => void): Receiver => ({
  onBytes: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose,
});
