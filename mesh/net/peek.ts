import type { Socket } from 'node:net';
import type { Clock, Timer } from '../process/clock.ts';

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
 * Looks at what arrives first without taking it: the bytes are put back before this resolves. `enough` is asked with
 * each chunk as it comes, in order, until it says true; a reader of its own keeps what it needs of earlier ones.
 * `silent` when the first byte does not come in time; bytes that are not enough when the rest does not.
 */
export function peek(
  socket: Socket,
  clock: Clock,
  { firstMillis, enoughMillis }: Patience,
  enough: (chunk: Buffer) => boolean,
): Promise<Peeked> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let over: NodeJS.Immediate | undefined;
    const seen = (otherwise: 'silent' | 'ended'): Peeked =>
      chunks.length > 0 ? { kind: 'bytes', bytes: Buffer.concat(chunks) } : { kind: otherwise };
    const settle = (peeked: Peeked) => {
      timer?.cancel();
      clearImmediate(over);
      socket.off('readable', look).off('end', ended).off('close', ended).off('error', ended);
      if (peeked.kind === 'bytes') socket.unshift(peeked.bytes);
      resolve(peeked);
    };
    // A process that was held up runs its timers before it reads: what came in time must still be looked at.
    const expire = () => {
      over = setImmediate(() => settle(seen('silent')));
    };
    const wait = (millis: number | undefined): Timer | undefined =>
      millis === undefined ? undefined : clock.after(millis, expire);
    let timer = wait(firstMillis);
    const ended = () => settle(seen('ended'));
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (!chunk) return;
      if (chunks.length === 0) {
        timer?.cancel();
        clearImmediate(over);
        timer = wait(enoughMillis);
      }
      chunks.push(chunk);
      if (enough(chunk)) settle(seen('silent'));
    };
    socket.on('readable', look).on('end', ended).on('close', ended).on('error', ended);
    look();
  });
}
