import type { Duplex } from 'node:stream';
import { Stall, type BufferLedger } from '../shares/buffer-ledger.ts';
import { startReading, stopReading } from './reading.ts';
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
    const directions = [
      new Direction(a, b, giveUp, ledgers.toB),
      new Direction(b, a, giveUp, ledgers.toA),
    ] as const;
    for (const side of [a, b])
      side.once('close', () => {
        for (const one of directions) one.leave();
      });
    directions[0].pump((bytes) => (counters.sent += bytes), done);
    directions[1].pump((bytes) => (counters.received += bytes), done);
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

/** One direction of a tunnel. */
class Direction {
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #ledger: BufferLedger | undefined;
  readonly #stall: Stall;
  #stalled = false;
  #held = false;

  constructor(from: Duplex, to: Duplex, reset: () => void, ledger: BufferLedger | undefined) {
    this.#from = from;
    this.#to = to;
    this.#ledger = ledger;
    this.#stall = new Stall(
      () => from.readableLength + to.writableLength,
      reset,
      () => this.#hold(),
      () => this.#release(),
    );
  }

  leave(): void {
    this.#ledger?.leave(this.#stall);
  }

  /** Writes of one tick are joined, as many small chunks cost more in system calls than in copying. */
  pump(count: (bytes: number) => void, done: () => void): void {
    const [from, to] = [this.#from, this.#to];
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
      if (!to.write(chunk)) this.#begin();
    });
    to.on('drain', () => this.#end());
    // The end is finished when its bytes are on their way, not when it was asked for.
    from.once('end', () => to.end(done));
    from.resume();
    this.#ledger?.join(this.#stall);
  }

  #begin(): void {
    this.#stalled = true;
    this.#from.pause();
    if (this.#to.destroyed || !this.#ledger) return;
    this.#ledger.begin(this.#stall);
    if (this.#ledger.tight) stopReading(this.#from);
  }

  #end(): void {
    this.#stalled = false;
    this.#ledger?.end(this.#stall);
    this.#goOn();
  }

  #hold(): void {
    this.#held = true;
    this.#from.pause();
    stopReading(this.#from);
  }

  #release(): void {
    this.#held = false;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#stalled || this.#held) return;
    startReading(this.#from);
    this.#from.resume();
  }
}
