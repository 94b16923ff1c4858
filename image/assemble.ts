import { cpSync, existsSync, globSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeErr } from '@isthmus/mesh/process/terminal-text.ts';
import {
  dependencyFolders,
  isOfDependencies,
  isOfPrograms,
  links,
  programFolders,
  singleFiles,
} from './files.ts';

// node image/assemble.ts OUT [CPU]: what an image has in /app, in a new folder OUT, for this machine's CPU or that one.

const root = join(import.meta.dirname, '..');

/** `out` must not exist. `cpu` is Node's name. Throws where a file of the list is missing. */
export function assemble(out: string, cpu: string = process.arch): void {
  mkdirSync(out, { recursive: false });
  for (const path of paths(cpu)) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    cpSync(join(root, path), join(out, path), { dereference: true });
  }
  mkdirSync(join(out, 'node_modules/@isthmus'), { recursive: true });
  for (const { path, target } of links) symlinkSync(target, join(out, path));
}

function paths(cpu: string): readonly string[] {
  const ours = programFolders.flatMap((folder) => filesBelow(folder)).filter(isOfPrograms);
  const folders = dependencyFolders(readFileSync(join(root, 'package-lock.json'), 'utf8'), cpu);
  for (const folder of folders)
    if (!existsSync(join(root, folder))) throw new Error(`${folder} is not installed: run npm ci`);
  // What is nested in a dependency has an entry of its own in package-lock.json.
  const dependencies = folders.flatMap((folder) =>
    filesBelow(folder).filter((path) => !path.slice(folder.length).includes('/node_modules/')),
  );
  return [...singleFiles, ...ours, ...dependencies.filter(isOfDependencies)];
}

const filesBelow = (folder: string): readonly string[] =>
  globSync(`${folder}/**/*`, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));

if (import.meta.main) {
  const out = process.argv[2];
  if (out === undefined || existsSync(out)) {
    writeErr('usage: node image/assemble.ts OUT [CPU], where OUT is a folder that does not exist yet\n');
    process.exitCode = 2;
  } else assemble(out, process.argv[3]);
}
