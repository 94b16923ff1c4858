import type { ByteStream } from './byte-stream.ts';

/**
 * Runs what is done over a connection that somebody may give up: then the connection is reset, and the work fails by
 * that. Throws the signal's reason, the connection reset, when it is no longer wanted to begin with.
 */
export async function whileWanted<T>(
  raw: ByteStream,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const giveUp = () => raw.reset();
  if (signal.aborted) giveUp();
  signal.throwIfAborted();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
