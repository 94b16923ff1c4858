import { createWriteStream } from 'node:fs';

/** Unwritten bytes beyond which lines are dropped: a full disk must not fill the memory. */
const mostPending = 16 * 1024 * 1024;

/** Where lines go. */
export interface Output {
  /** False when it had to be dropped. */
  write(bytes: string | Buffer): boolean;
  /** Resolves when all that was taken so far has been written, or cannot be. */
  flushed(): Promise<void>;
}

/** Appends to a file that only its owner reads, to standard output for `-`, or nowhere for ''. */
export function appendTo(place: string): Output | undefined {
  if (place === '') return undefined;
  const output =
    place === '-'
      ? createWriteStream('', { fd: 1, autoClose: false })
      : createWriteStream(place, { flags: 'a', mode: 0o600 });
  // What cannot be written is counted as dropped: the stream is destroyed then.
  output.on('error', () => undefined);
  return {
    write(bytes) {
      if (output.destroyed || output.writableLength >= mostPending) return false;
      output.write(bytes);
      return true;
    },
    flushed: () => new Promise((resolve) => void output.write('', () => resolve())),
  };
}
