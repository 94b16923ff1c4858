import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readBytes } from '@isthmus/mesh/process/read-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { keptFiles, type KeptData } from './kept.ts';

/** The files that are there now. */
export function readFiles(stateDir: string): KeptData {
  const data = new Map<string, string>();
  for (const name of keptFiles) {
    const path = join(stateDir, name);
    if (existsSync(path)) data.set(name, Buffer.from(readBytes(path)).toString('base64'));
  }
  return data;
}

/** Makes the folder have exactly these of the files that are kept; gives the names of those that differed. */
export function writeFiles(stateDir: string, data: KeptData): readonly string[] {
  const there = readFiles(stateDir);
  const changed = keptFiles.filter((name) => there.get(name) !== data.get(name));
  for (const name of changed) {
    const content = data.get(name);
    const path = join(stateDir, name);
    if (content === undefined) rmSync(path, { force: true });
    else writeWhole(path, Buffer.from(content, 'base64'));
  }
  return changed;
}
