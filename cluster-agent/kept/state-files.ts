import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readBytes } from '@isthmus/mesh/process/read-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { keptFiles, type KeptData, type KeptFile } from './kept.ts';

/** The files that are there now. */
export function readFiles(stateDir: string): KeptData {
  const data = new Map<string, string>();
  for (const name of keptFiles) {
    const path = join(stateDir, name);
    if (existsSync(path)) data.set(name, Buffer.from(readBytes(path)).toString('base64'));
  }
  return data;
}

/** The names of the files that are kept and are others in the folder than in `data`. */
export function differing(stateDir: string, data: KeptData): readonly KeptFile[] {
  const there = readFiles(stateDir);
  return keptFiles.filter((name) => there.get(name) !== data.get(name));
}

/**
 * Makes the folder have exactly these of the files that are kept; gives the names of those that differed. Throws
 * WRITE_FAILED; some of them may have been written then.
 */
export function writeFiles(stateDir: string, data: KeptData): readonly string[] {
  const changed = differing(stateDir, data);
  for (const name of changed) {
    const content = data.get(name);
    const path = join(stateDir, name);
    if (content === undefined) rmSync(path, { force: true });
    else writeWhole(path, Buffer.from(content, 'base64'));
  }
  return changed;
}
