import type { ByteStream } from '../net/byte-stream.ts';
import { peek, type Patience } from '../net/peek.ts';
import type { Clock } from '../process/clock.ts';
import { HelloReader, type FirstBytes } from './client-hello.ts';

export interface HelloSeen {
  /** `need-more`: a hello was begun and not completed in time, or before the peer left. */
  readonly first: FirstBytes;
  /** What has come, and is still to be read from the stream; empty when nothing came. */
  readonly bytes: Buffer;
  /** The peer went without a byte. */
  readonly ended: boolean;
}

/**
 * Looks at the ClientHello of a connection without taking it, however it is cut into packets. `onPart` is called, once,
 * when a hello has begun and is not complete.
 */
export async function peekHello(
  stream: ByteStream,
  clock: Clock,
  patience: Patience,
  onPart: () => void = () => undefined,
): Promise<HelloSeen> {
  const reader = new HelloReader();
  let first: FirstBytes = { kind: 'need-more' };
  let parts = 0;
  const peeked = await peek(stream, clock, patience, (chunk) => {
    first = reader.push(chunk);
    if (first.kind === 'need-more' && parts++ === 0) onPart();
    return first.kind !== 'need-more';
  });
  const bytes = peeked.kind === 'bytes' ? peeked.bytes : Buffer.alloc(0);
  return { first, bytes, ended: peeked.kind === 'ended' };
}
