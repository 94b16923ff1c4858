import { createWriteStream } from 'node:fs';

/** Unwritten bytes beyond which lines are dropped: a full disk must not fill the memory. */
const mostPending = 16 * 1024 * 1024;

/** Appends to a file that only its owner reads, to standard output for `-`, or nowhere for ''. */
export function appendTo(place: string): ((bytes: string | Buffer) => void) | undefined {
  if (place === '') return undefined;
  const output =
    place === '-'
      ? createWriteStream('', { fd: 1, autoClose: false })
      : createWriteStream(place, { flags: 'a', mode: 0o600 });
  output.on('error', () => undefined);
  return (bytes) => {
    if (output.writableLength < mostPending) output.write(bytes);
  };
}
