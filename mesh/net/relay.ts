import type { Duplex } from 'node:stream';

/** Bytes carried so far, updated in place: `sent` from `a` to `b`, `received` from `b` to `a`. */
export interface Counters {
  sent: number;
  received: number;
}

/** How a relay ended: cleanly, or by the first real error. */
export interface RelayEnd {
  readonly error: Error | undefined;
}

/** A peer that goes away while bytes are still on their way is an end, not a failure. */
const quiet = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/**
 * Copies bytes both ways until both directions are done. Each direction ends by itself: the end of one side's input
 * becomes the end of the other's output. When either side closes early, both are destroyed.
 */
export function relay(a: Duplex, b: Duplex, counters: Counters): Promise<RelayEnd> {
  return new Promise((resolve) => {
    let open = 2;
    let failure: Error | undefined;
    const done = () => {
      if (--open === 0) finish(undefined);
    };
    const finish = (error: Error | undefined) => {
      failure ??= error && !quiet.has((error as NodeJS.ErrnoException).code ?? '') ? error : undefined;
      for (const side of [a, b]) if (!isDone(side)) side.destroy();
      resolve({ error: failure });
    };
    for (const side of [a, b]) {
      side.on('error', finish);
      side.once('close', () => {
        if (!isDone(side)) finish(undefined);
      });
    }
    pump(a, b, (bytes) => (counters.sent += bytes), done);
    pump(b, a, (bytes) => (counters.received += bytes), done);
  });
}

/**
 * Ended both ways: it closes by itself. To destroy it would reset an HTTP/2 stream that has ended well, and peers count
 * resets: a session that carries many short connections would soon be taken for an attack.
 */
const isDone = (side: Duplex): boolean => side.readableEnded && side.writableFinished;

/** One direction. Writes of one tick are joined, as many small chunks cost more in system calls than in copying. */
function pump(from: Duplex, to: Duplex, count: (bytes: number) => void, done: () => void): void {
  let corked = false;
  const uncork = () => {
    corked = false;
    to.uncork();
  };
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (!corked && chunk.length < 4096) {
      corked = true;
      to.cork();
      process.nextTick(uncork);
    }
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  // The end is finished when its bytes are on their way, not when it was asked for.
  from.once('end', () => to.end(done));
  from.resume();
}
