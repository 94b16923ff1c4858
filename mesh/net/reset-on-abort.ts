import type { ByteStream } from './byte-stream.ts';

/**
 * Runs `work` over a connection that is reset when the signal aborts, which makes the work fail. When the signal has
 * aborted before, the connection is reset and the reason of the signal thrown, and no work begins.
 */
export async function resetOnAbort<T>(
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
