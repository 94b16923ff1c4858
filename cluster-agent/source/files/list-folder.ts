import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { mostBytes } from './read-file.ts';

const mostFiles = 1000;
const mostDepth = 10;

/** What a look at a folder finds, by paths below it. */
export interface Listing {
  /** To a text that differs whenever the file has been written to, or why it is none to read. */
  readonly files: ReadonlyMap<string, Result<string, string>>;
  /** Folders that cannot be listed, and why. What was known of the files in them is not gone. */
  readonly closed: ReadonlyMap<string, string>;
}

/**
 * The YAML files of a folder and the folders in it. Hidden ones are passed over: editors keep their locks there, and
 * Kubernetes the versions of a mounted ConfigMap. Never throws.
 */
export function listFolder(root: string): Listing {
  const files = new Map<string, Result<string, string>>();
  const closed = new Map<string, string>();
  const walk = (folder: string, depth: number): void => {
    for (const { name, path, isFolder } of entriesOf(root, folder, closed)) {
      if (name.startsWith('.')) continue;
      if (isFolder && depth >= mostDepth) closed.set(path, `is more than ${mostDepth} folders deep`);
      else if (isFolder) walk(path, depth + 1);
      else if (!/\.ya?ml$/.test(name)) continue;
      else if (files.size < mostFiles) files.set(path, stampOf(join(root, path)));
      else closed.set('', `holds more than ${mostFiles} files: the rest is passed over`);
    }
  };
  walk('', 0);
  return { files, closed };
}

function entriesOf(root: string, folder: string, closed: Map<string, string>) {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true })
      .map((entry) => ({ name: entry.name, path: join(folder, entry.name), isFolder: entry.isDirectory() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    closed.set(folder, `cannot be listed: ${reasonOf(error)}`);
    return [];
  }
}

function stampOf(path: string): Result<string, string> {
  try {
    return stamp(statSync(path));
  } catch (error) {
    return err(`cannot be read: ${reasonOf(error)}`);
  }
}

function stamp(stats: Stats): Result<string, string> {
  if (!stats.isFile()) return err('is no regular file');
  if (stats.size > mostBytes) return err(`has ${stats.size} bytes, more than ${mostBytes}`);
  return ok([stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join('/'));
}

/** The text of a file, if it is still the one of that stamp after it was read. Never throws and never waits. */
export function readStamped(path: string, expected: string): Result<string, string> {
  try {
    // A pipe that has taken the file's place must not hold up the agent.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const before = stamp(fstatSync(file));
      if (!before.ok) return before;
      const bytes = readFileSync(file);
      const after = stamp(fstatSync(file));
      return after.ok && after.value === expected ? textOf(bytes) : err('was written to while it was read');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return err(`cannot be read: ${reasonOf(error)}`);
  }
}

/** UTF-8, or what a byte order mark says, as for kubectl: Windows writes UTF-16. */
function textOf(bytes: Buffer): Result<string, string> {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return ok(new TextDecoder(encoding, { fatal: true }).decode(bytes));
  } catch {
    return err(`is no text of ${encoding.toUpperCase()}`);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
