import type { Duplex } from 'node:stream';

export type TapAction = 'read' | 'written';

/** Takes one chunk: whether it was read or written, and at which end. */
export type Tap = (action: TapAction, end: string, bytes: Buffer) => void;

/** One chunk as it stands in a tap's file: a line that says what it is, the bytes as they are, and a newline. */
export const tapEntry = (action: TapAction, end: string, bytes: Buffer, now: number): Buffer =>
  Buffer.concat([
    Buffer.from(`#tap ${new Date(now).toISOString()} ${action} ${end} ${bytes.length}\n`),
    bytes,
    Buffer.from('\n'),
  ]);

/** Shows every chunk that passes a stream, in both directions. For debugging: it costs a copy of each. */
export function tapStream(stream: Duplex, show: (action: TapAction, bytes: Buffer) => void): void {
  stream.on('data', (bytes: Buffer) => show('read', bytes));
  const write = stream.write.bind(stream) as (bytes: unknown, ...rest: unknown[]) => boolean;
  stream.write = (bytes: unknown, ...rest: unknown[]) => {
    show('written', Buffer.from(bytes as Buffer));
    return write(bytes, ...rest);
  };
}
