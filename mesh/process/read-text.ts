import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { MeshError } from './mesh-error.ts';
import { fileError } from './file-error.ts';
import { readWithin, textWithin } from './read-within.ts';

/** Tokens, certificates and policies are far smaller. */
export const maxFileBytes = 1024 * 1024;

/**
 * A whole file as text (UTF-8). Throws READ_FAILED, or FILE_TOO_LARGE above `most` bytes; both name the file and what to
 * do. Waits for the writer of a pipe.
 */
export const readText = (path: string, max: number = maxFileBytes): string =>
  readBytes(path, max).toString('utf8');

/** The same as bytes. */
export function readBytes(path: string, max: number = maxFileBytes): Buffer {
  let bytes: Buffer | undefined;
  try {
    const file = openSync(path, 'r');
    try {
      bytes = readWithin(file, max);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw fileError('READ_FAILED', path, 'read', cause);
  }
  return within(path, max, bytes);
}

/** The same without holding up the thread. */
export async function readTextAsync(path: string, max: number = maxFileBytes): Promise<string> {
  let text: string | undefined;
  try {
    const file = await open(path);
    text = await textWithin(file.createReadStream() as AsyncIterable<Uint8Array>, max);
  } catch (cause) {
    throw fileError('READ_FAILED', path, 'read', cause);
  }
  return within(path, max, text);
}

function within<T>(path: string, max: number, read: T | undefined): T {
  if (read !== undefined) return read;
  throw new MeshError(
    'FILE_TOO_LARGE',
    `${path} has more than ${max} bytes, the limit for it: name the right file, or split this one`,
  );
}
