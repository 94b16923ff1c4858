import { readFileSync } from 'node:fs';
import { fileError } from './file-error.ts';

/** A whole file as text. Throws READ_FAILED, which names the file and what to do. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw fileError('READ_FAILED', path, 'read', cause);
  }
}
