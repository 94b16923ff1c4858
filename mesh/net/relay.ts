import { Stall, type BufferLedger } from '../shares/buffer-ledger.ts';
import type { ByteStream, Lender, Receiver, Reset } from './byte-stream.ts';

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

/**
 * Copies bytes both ways until both streams have closed. Each direction ends by itself: the end of one side's input
 * becomes the end of the other's output. A reset of one side becomes a reset of the other at once: what was not
 * delivered yet is dropped, as TCP drops it, and never looks like a whole message.
 */
export function relay(
  a: ByteStream,
  b: ByteStream,
  counters: Counters,
  { toA, toB }: Ledgers = {},
): Promise<RelayEnd> {
  return new Promise((resolve) => {
    const near = new Side(a, b, toB, resolve, (bytes) => (counters.sent += bytes));
    const far = new Side(b, a, toA, resolve, (bytes) => (counters.received += bytes));
    near.begin(far);
    far.begin(near);
    a.resume();
    b.resume();
  });
}

/** One side of a relay, and the direction of what it sends. */
class Side implements Receiver {
  readonly #from: ByteStream;
  readonly #to: ByteStream;
  readonly #ledger: BufferLedger | undefined;
  readonly #settle: (end: RelayEnd) => void;
  readonly #count: (bytes: number) => void;
  readonly #stall: Stall;
  #other: Side = this;
  /** Its input has ended. */
  #ended = false;
  #closed = false;

  constructor(
    from: ByteStream,
    to: ByteStream,
    ledger: BufferLedger | undefined,
    settle: (end: RelayEnd) => void,
    count: (bytes: number) => void,
  ) {
    this.#from = from;
    this.#to = to;
    this.#ledger = ledger;
    this.#settle = settle;
    this.#count = count;
    this.#stall = new Stall(
      () => from.unread + to.unsent,
      () => this.#broken(undefined),
      () => from.window,
    );
  }

  begin(other: Side): void {
    this.#other = other;
    this.#from.receive(this);
  }

  onBytes(bytes: Buffer, lender: Lender | undefined): void {
    this.#count(bytes.length);
    if (this.#to.write(bytes, lender)) return;
    this.#from.pause();
    if (!this.#other.#closed) this.#ledger?.begin(this.#stall);
  }

  onDrain(): void {
    this.#other.#goOn();
  }

  onEnd(): void {
    this.#ended = true;
    this.#to.end();
  }

  onClose(reset: Reset | undefined): void {
    this.#closed = true;
    for (const side of [this, this.#other]) side.#ledger?.end(side.#stall);
    if (reset) this.#broken(reset.error);
    else if (this.#other.#closed) this.#settle({ error: undefined });
    // It has said all that it had to say and takes no more (RFC 9113 8.1): its last bytes still arrive.
    else if (!this.#other.#ended) this.#to.close();
  }

  #goOn(): void {
    this.#ledger?.end(this.#stall);
    this.#from.resume();
  }

  /** What has ended both ways closes by itself, and a reset would take back what its peer has not read yet. */
  #broken(error: Error | undefined): void {
    // First: what a reset itself may meet is not why the connection ended.
    this.#settle({ error });
    const isDone = this.#ended && this.#other.#ended;
    if (!isDone) for (const stream of [this.#from, this.#to]) stream.reset();
  }
}
