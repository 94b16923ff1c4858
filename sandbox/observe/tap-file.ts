/** What a gateway's tap wrote of one end of its connections, in one direction: all bytes, joined. */
export interface TappedStream {
  readonly action: 'read' | 'written';
  /** address:port of the other side. */
  readonly end: string;
  readonly bytes: Buffer;
}

const newline = 10;

/**
 * The streams in a tap's file. Chunks of a stream are joined, so that a search finds also what was cut in two. A last
 * entry that is not whole yet is left out. Throws where an entry should begin and does not: then nothing behind it
 * could be trusted.
 */
export function parseTap(file: Buffer): readonly TappedStream[] {
  const chunks = new Map<string, Buffer[]>();
  for (let at = 0; at < file.length;) {
    const end = file.indexOf(newline, at);
    if (end < 0) break;
    const head = file.toString('latin1', at, end);
    const [, action, peer, length] = /^#tap \S+ (read|written) (\S+) (\d+)$/.exec(head) ?? [];
    if (action === undefined) throw new Error(`no entry of a tap begins at byte ${at}: ${head.slice(0, 80)}`);
    const stop = end + 1 + Number(length);
    if (stop >= file.length) break;
    const key = `${action} ${peer ?? ''}`;
    const list = chunks.get(key) ?? [];
    chunks.set(key, list);
    list.push(file.subarray(end + 1, stop));
    at = stop + 1;
  }
  return [...chunks].map(([key, list]) => {
    const [action, end = ''] = key.split(' ');
    return { action: action as TappedStream['action'], end, bytes: Buffer.concat(list) };
  });
}

/** Bytes in all streams of one direction. */
export const tappedBytes = (streams: readonly TappedStream[], action: TappedStream['action']): number =>
  streams.filter((one) => one.action === action).reduce((sum, { bytes }) => sum + bytes.length, 0);
