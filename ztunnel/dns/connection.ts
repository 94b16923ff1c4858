import type { Connection } from '@isthmus/mesh/net/connection.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { Frames, writeFrame } from './framing.ts';

/** Without a whole question, and with none in progress. */
const idleMillis = 10_000;
/** Questions of one connection that are in progress; behind them nothing is read. */
const maxAtOnce = 32;
/** Bytes of answers that a client has not taken, behind which nothing is read. */
const maxUnsent = 128 * 1024;

/**
 * Serves a TCP connection: answers leave in the order in which they are known (RFC 7766 6.2.1.1). A message that is no
 * question ends it. Resolves when it is over.
 */
export function serveConnection(
  clock: Clock,
  connection: Connection,
  answer: (bytes: Buffer) => Promise<Buffer | undefined>,
): Promise<unknown> {
  let [open, isEnded] = [0, false];
  let idle: Timer | undefined;
  const frames = new Frames((bytes) => void serve(bytes));
  connection.receive({
    onBytes: (bytes) => {
      frames.take(bytes);
      settle();
    },
    onEnd: () => {
      isEnded = true;
      settle();
    },
    onDrain: settle,
    onClose: () => idle?.cancel(),
  });
  settle();
  return connection.whenClosed;

  async function serve(bytes: Buffer): Promise<void> {
    open++;
    idle?.cancel();
    idle = undefined;
    const said = await answer(Buffer.from(bytes));
    open--;
    if (said) writeFrame(connection, said);
    else connection.close();
    settle();
  }

  /** Reads on, waits for answers, or waits for the next question. */
  function settle(): void {
    if (connection.closed) return;
    if (open >= maxAtOnce || connection.unsent > maxUnsent) connection.pause();
    else connection.resume();
    if (open > 0) return;
    if (isEnded) connection.close();
    else idle ??= clock.after(idleMillis, () => connection.close());
  }
}
