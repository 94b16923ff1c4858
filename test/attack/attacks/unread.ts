import { eachSession } from '../each-session.ts';
import { data, headers } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';
import type { RawSession } from '../raw-session.ts';

const chunk = Buffer.alloc(16_384, 'u');
/** Of a proxy, as its SETTINGS say. */
const streamWindow = 4 * 1024 * 1024;

/** `streams` tunnels on each connection, each filled as far as the target lets it. `sent` counts MiB. */
export const unread = (job: Job): Promise<Outcome> =>
  eachSession(job, async (session, over) => {
    const windows = new Windows(session);
    const streams = Array.from({ length: job.streams ?? 1 }, (_, i) => 2 * i + 1);
    const block = connectBlock(job.authority);
    await session.send(Buffer.concat(streams.map((stream) => headers(stream, block))));
    while (!over()) {
      let sent = 0;
      for (const stream of streams) {
        if (!windows.take(stream, chunk.length)) continue;
        if (!(await session.send(data(stream, chunk)))) return;
        sent += chunk.length;
      }
      session.sent += sent / 1024 / 1024;
      if (sent === 0) await windows.opened();
    }
  });

/** What may be sent on each stream, and on the connection. A stream is usable once it was answered, until it is reset. */
class Windows {
  readonly #left = new Map<number, number>();
  readonly #session: RawSession;
  #wake: () => void = () => undefined;

  constructor(session: RawSession) {
    this.#session = session;
    session.onAnswer = (stream, accepted) => {
      if (accepted) this.#left.set(stream, (this.#left.get(stream) ?? 0) + streamWindow);
      this.#wake();
    };
    session.onReset = (stream) => this.#left.delete(stream);
    session.onWindow = (stream, increment) => {
      const left = this.#left.get(stream);
      if (left !== undefined) this.#left.set(stream, left + increment);
      this.#wake();
    };
  }

  take(stream: number, bytes: number): boolean {
    const left = this.#left.get(stream) ?? 0;
    if (left < bytes || this.#session.window < bytes) return false;
    this.#left.set(stream, left - bytes);
    this.#session.window -= bytes;
    return true;
  }

  /** Resolves when there may be room again; looks again in a tenth of a second in any case. */
  async opened(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#wake = () => resolve(undefined);
    const timer = setTimeout(() => resolve(undefined), 100);
    await promise;
    clearTimeout(timer);
  }
}
