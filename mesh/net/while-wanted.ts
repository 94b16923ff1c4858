import type { Duplex } from 'node:stream';

/**
 * Runs what is done over a connection that somebody may give up: then the connection is destroyed, and the work fails
 * by that. Throws the signal's reason, the connection destroyed, when it is no longer wanted to begin with.
 */
export async function whileWanted<T>(raw: Duplex, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const giveUp = () => raw.destroy();
  if (signal.aborted) giveUp();
  signal.throwIfAborted();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
