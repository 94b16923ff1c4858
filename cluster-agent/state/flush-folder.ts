import { open, type FileHandle } from 'node:fs/promises';
import { fileError } from '@isthmus/mesh/process/file-error.ts';

/** A file that is new or was deleted is so after a crash only once its folder is flushed. Rejects with WRITE_FAILED. */
export async function flushFolder(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } catch (cause) {
    // Some file systems cannot flush folders, and need not.
    if ((cause as NodeJS.ErrnoException).code !== 'EINVAL')
      throw fileError('WRITE_FAILED', path, 'flushed', cause);
  } finally {
    await handle?.close();
  }
}
