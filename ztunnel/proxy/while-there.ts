import type { ByteStream, Receiver } from '@isthmus/mesh/net/byte-stream.ts';
import { ProxyError } from '../proxy-error.ts';

const hasGone = new ProxyError('CLIENT_GONE', 'the client has gone before its destination answered');

/**
 * Runs what is done for a connection while nobody reads it, as its far side is being dialled. The signal aborts with
 * CLIENT_GONE when it has closed.
 */
export function whileThere<T>(near: ByteStream, work: (gone: AbortSignal) => Promise<T>): Promise<T> {
  const gone = new AbortController();
  near.receive(untilClosed(() => gone.abort(hasGone)));
  return work(gone.signal);
}

/** Of a stream that stays paused, so that nothing but its close comes. */
const untilClosed = (onClose: () => void): Receiver => ({
  onBytes: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose,
});
