import type { Duplex } from 'node:stream';
import { Stall, type BufferLedger } from '../shares/buffer-ledger.ts';
import { reset } from './reset.ts';

/** Bytes carried so far, updated in place: `sent` from `a` to `b`, `received` from `b` to `a`. */
export interface Counters {
  sent: number;
  received: number;
}

/** How a relay ended: cleanly, or by the first real error. */
export interface RelayEnd {
  readonly error: Error | undefined;
}

/** Where bytes are charged that wait for a receiver: those on their way to `a`, and to `b`. */
export interface Ledgers {
  readonly toA?: BufferLedger;
  readonly toB?: BufferLedger;
}

/** A peer that goes away while bytes are still on their way is an end, not a failure. */
const quiet = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'STREAM_RESET',
]);

/**
 * Copies bytes both ways until both directions are done. Each direction ends by itself: the end of one side's input
 * becomes the end of the other's output. A reset of one side, or its close before its end, becomes a reset of the other
 * at once: what was not delivered yet is dropped, as TCP drops it, and never looks like a whole message.
 */
export function relay(a: Duplex, b: Duplex, counters: Counters, ledgers: Ledgers = {}): Promise<RelayEnd> {
  return new Promise((resolve) => {
    let open = 2;
    const settle = (error: Error | undefined) => {
      const failure = error && !quiet.has((error as NodeJS.ErrnoException).code ?? '') ? error : undefined;
      resolve({ error: failure });
    };
    const broken = (error: Error | undefined) => {
      for (const side of [a, b]) if (!isDone(side)) reset(side);
      settle(error);
    };
    const done = () => {
      if (--open === 0) settle(undefined);
    };
    watch(a, b, broken, settle);
    watch(b, a, broken, settle);
    const giveUp = () => broken(undefined);
    const [there, back] = [stallOf(a, b, giveUp), stallOf(b, a, giveUp)];
    for (const side of [a, b])
      side.once('close', () => {
        ledgers.toB?.end(there);
        ledgers.toA?.end(back);
      });
    pump(a, b, (bytes) => (counters.sent += bytes), done, stalls(there, ledgers.toB));
    pump(b, a, (bytes) => (counters.received += bytes), done, stalls(back, ledgers.toA));
  });
}

/** Ended both ways: it closes by itself, and a reset would take back what the peer has not read yet. */
const isDone = (side: Duplex): boolean => side.readableEnded && side.writableEnded;

/** What the close of one side means for the other. */
function watch(
  side: Duplex,
  other: Duplex,
  broken: (error: Error | undefined) => void,
  settle: (error: Error | undefined) => void,
): void {
  side.on('error', broken);
  side.once('close', () => {
    if (!side.readableEnded) broken(undefined);
    else if (!other.readableEnded) {
      // It has said all that it had to say and takes no more (RFC 9113 8.1): its last bytes still arrive.
      other.once('close', () => settle(undefined));
      endSoon(other);
    }
  });
}

/** Closes once what was written has been taken. */
function endSoon(side: Duplex): void {
  if (side.writableFinished) side.destroy();
  else side.once('finish', () => side.destroy());
  if (!side.writableEnded) side.end();
}

const stallOf = (from: Duplex, to: Duplex, reset: () => void): Stall =>
  new Stall(
    () => from.readableLength + to.writableLength,
    reset,
    () => Math.max(0, from.readableHighWaterMark - from.readableLength),
  );

interface Stalls {
  readonly begin: () => void;
  readonly end: () => void;
}

const stalls = (stall: Stall, ledger: BufferLedger | undefined): Stalls | undefined =>
  ledger && { begin: () => ledger.begin(stall), end: () => ledger.end(stall) };

/** One direction. Writes of one tick are joined, as many small chunks cost more in system calls than in copying. */
function pump(
  from: Duplex,
  to: Duplex,
  count: (bytes: number) => void,
  done: () => void,
  stalled: Stalls | undefined,
): void {
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
    if (to.write(chunk)) return;
    from.pause();
    if (!to.destroyed) stalled?.begin();
  });
  to.on('drain', () => {
    stalled?.end();
    from.resume();
  });
  // The end is finished when its bytes are on their way, not when it was asked for.
  from.once('end', () => to.end(done));
  from.resume();
}
