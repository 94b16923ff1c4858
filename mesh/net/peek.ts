import type { Clock, Timer } from '../process/clock.ts';
import type { ByteStream } from './byte-stream.ts';

export type Peeked =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'silent' }
  | { readonly kind: 'ended' };

/** How long is waited; without an end where a limit of handshakes ends the connection instead. */
export interface Patience {
  /** Until the first byte. */
  readonly firstMillis?: number;
  /** From the first byte until there is enough. */
  readonly enoughMillis?: number;
}

/**
 * Looks at what arrives first without taking it: the bytes are put back before this resolves, and the stream is paused.
 * `enough` is asked with each chunk as it comes, in order, until it says true; a reader of its own keeps what it needs
 * of earlier ones. `silent` when the first byte does not come in time; bytes that are not enough when the rest does not.
 */
export function peek(
  stream: ByteStream,
  clock: Clock,
  { firstMillis, enoughMillis }: Patience,
  enough: (chunk: Buffer) => boolean,
): Promise<Peeked> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let isOver = false;
    let late: NodeJS.Immediate | undefined;
    const settle = (otherwise: 'silent' | 'ended') => {
      if (isOver) return;
      isOver = true;
      timer?.cancel();
      clearImmediate(late);
      stream.pause();
      const [first] = chunks;
      const bytes = chunks.length > 1 ? Buffer.concat(chunks) : first;
      if (bytes) stream.putBack(bytes);
      resolve(bytes ? { kind: 'bytes', bytes } : { kind: otherwise });
    };
    // A process that was held up runs its timers before it reads: what came in time must still be looked at.
    const expire = () => {
      late = setImmediate(() => settle('silent'));
    };
    const wait = (millis: number | undefined): Timer | undefined =>
      millis === undefined ? undefined : clock.after(millis, expire);
    let timer = wait(firstMillis);
    stream.receive({
      onBytes(bytes, lender) {
        if (chunks.length === 0) {
          timer?.cancel();
          clearImmediate(late);
          timer = wait(enoughMillis);
        }
        chunks.push(lender ? Buffer.from(bytes) : bytes);
        if (enough(bytes)) settle('silent');
      },
      onEnd: () => settle('ended'),
      onDrain: () => undefined,
      onClose: () => settle('ended'),
    });
    stream.resume();
  });
}
