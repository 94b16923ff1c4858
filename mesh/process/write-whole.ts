import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileError } from './file-error.ts';

export interface WriteOptions {
  /** @default 0o600 */
  readonly mode?: number;
  /**
   * False for files that are written again at every start, of which there may be thousands: a flush takes milliseconds.
   * @default true
   */
  readonly flush?: boolean;
}

/**
 * Replaces a file: a reader sees the old content or the new, never a part, and what was written before this returned
 * is there after a loss of power. Written to `<path>.new` in mode 0600 and flushed, renamed, and the folder flushed, as
 * a rename is not durable before its folder is. Throws WRITE_FAILED with what to do; the old file is unchanged then.
 */
export function writeWhole(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600, flush = true }: WriteOptions = {},
): void {
  const next = `${path}.new`;
  try {
    write(next, content, mode, flush);
    renameSync(next, path);
    if (flush) flushFolder(dirname(path));
  } catch (cause) {
    discard(next);
    throw fileError('WRITE_FAILED', path, 'written', cause);
  }
}

/** `writeFileSync` goes on after a short write, and throws when a disk is full. */
function write(path: string, content: string | Uint8Array, mode: number, flush: boolean): void {
  const file = openSync(path, 'w', mode);
  try {
    // One that was left behind keeps its mode when it is opened, and the umask takes bits away.
    fchmodSync(file, mode);
    writeFileSync(file, content);
    if (flush) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function flushFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } catch (error) {
    // Some file systems cannot flush folders, and need not.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  } finally {
    closeSync(folder);
  }
}

/** What could not be finished takes no room on a disk that may be full. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A folder of that name, or no access to it: the first error says what is wrong.
  }
}
