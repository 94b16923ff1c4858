import { readSync } from 'node:fs';

const chunkBytes = 64 * 1024;

/**
 * The rest of an open file, or undefined when that is more than `most` bytes, of which one more is read at most: a
 * device or a pipe has no size to ask for, and what grows has none to rely on. Throws what the file system says.
 */
export function readWithin(fd: number, max: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let left = max + 1; left > 0;) {
    const chunk = Buffer.alloc(Math.min(left, chunkBytes));
    const read = readSync(fd, chunk);
    if (read === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, read));
    left -= read;
  }
  return undefined;
}

/** The text of a stream (UTF-8), or undefined as soon as it has more than `most` bytes: the stream is ended then. */
export async function textWithin(
  stream: AsyncIterable<Uint8Array>,
  max: number,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > max) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
