import type { Socket } from 'node:net';
import type { Clock } from '../process/clock.ts';

export type Peeked =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'silent' }
  | { readonly kind: 'ended' };

/**
 * Looks at what arrives first without taking it: the bytes are put back before this resolves. `enough` is asked with
 * all bytes so far until it says true. `silent` when the first byte does not come within `millis`.
 */
export function peek(
  socket: Socket,
  clock: Clock,
  millis: number,
  enough: (bytes: Buffer) => boolean,
): Promise<Peeked> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    let over: NodeJS.Immediate | undefined;
    const settle = (peeked: Peeked) => {
      timer.cancel();
      clearImmediate(over);
      socket.off('readable', look).off('end', ended).off('close', ended).off('error', ended);
      if (bytes.length > 0) socket.unshift(bytes);
      resolve(peeked);
    };
    // A process that was held up runs its timers before it reads: what came in time must still be looked at.
    const timer = clock.after(millis, () => {
      over = setImmediate(() => settle(bytes.length > 0 ? { kind: 'bytes', bytes } : { kind: 'silent' }));
    });
    const ended = () => settle(bytes.length > 0 ? { kind: 'bytes', bytes } : { kind: 'ended' });
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk) bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      if (bytes.length > 0 && enough(bytes)) settle({ kind: 'bytes', bytes });
    };
    socket.on('readable', look).on('end', ended).on('close', ended).on('error', ended);
    look();
  });
}
