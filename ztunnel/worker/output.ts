import { createWriteStream, type WriteStream } from 'node:fs';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** Unwritten bytes beyond which lines are dropped: a full disk must not fill the memory. */
const maxPending = 16 * 1024 * 1024;
/** How long after a failure the place is opened again. */
const retryMillis = 1000;
/** Lines of so long are one write: each costs as much as a tenth of a short connection. */
const gatherMillis = 10;
/** Nobody may be reading what an ending process still has to say. */
const flushMillis = 1000;

/** A file that only its owner reads, or standard output for `-`: appended to, never waited for. */
export class Output {
  readonly #place: string;
  readonly #clock: Clock;
  readonly #onProblem: (error: Error) => void;
  #stream: WriteStream | undefined;
  #gathering: Timer | undefined;
  #retryAt = 0;
  #ended = false;

  /** `onProblem` is called each time the file cannot be opened or written. */
  constructor(place: string, clock: Clock, onProblem: (error: Error) => void) {
    this.#place = place;
    this.#clock = clock;
    this.#onProblem = onProblem;
    this.#stream = this.#open();
  }

  /** False when the bytes were dropped. */
  write(bytes: string | Buffer): boolean {
    if (this.#ended) return false;
    if (!this.#stream && this.#clock.monotonic() >= this.#retryAt) this.#stream = this.#open();
    const stream = this.#stream;
    if (!stream || stream.writableLength >= maxPending) return false;
    if (!this.#gathering) this.#gather(stream);
    stream.write(bytes);
    return true;
  }

  #gather(stream: WriteStream): void {
    stream.cork();
    this.#gathering = this.#clock.after(gatherMillis, () => {
      this.#gathering = undefined;
      stream.uncork();
    });
  }

  /** Takes nothing more; resolves when all is written, or nobody takes it. */
  end(): Promise<void> {
    this.#ended = true;
    this.#gathering?.cancel();
    return new Promise((resolve) => {
      const stream = this.#stream;
      if (!stream) return resolve();
      const timer = this.#clock.after(flushMillis, resolve);
      stream.once('close', resolve).end(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #open(): WriteStream {
    const stream =
      this.#place === '-'
        ? createWriteStream('', { fd: 1, autoClose: false })
        : createWriteStream(this.#place, { flags: 'a', mode: 0o600 });
    return stream.on('error', (error) => {
      if (this.#stream === stream) this.#stream = undefined;
      this.#retryAt = this.#clock.monotonic() + retryMillis;
      stream.destroy();
      this.#onProblem(error);
    });
  }
}
