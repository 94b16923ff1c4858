import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  type Dirent,
  type Stats,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readWithin } from '@isthmus/mesh/process/read-within.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { maxBytes } from './read-file.ts';

/** So many files are more than any cluster has: a link that leads out of the folder must not fill the memory. */
export const maxFiles = 100_000;
const maxDepth = 10;

/** A text that differs whenever the file has been written to, or why it is none to read. */
export type Stamp = Result<string, string>;

/** What a look at a folder finds, by paths below it. */
export interface Listing {
  readonly files: ReadonlyMap<string, Stamp>;
  /** Folders that cannot be listed, and why. What was known of the files in them is not gone. */
  readonly closed: ReadonlyMap<string, string>;
  /** Folders that were listed: their paths as they were opened, to those below the root. */
  readonly folders: ReadonlyMap<string, string>;
  /** Paths of links and of what they lead to. */
  readonly links: ReadonlySet<string>;
}

/** Called for each folder before it is listed, and for folders that hold the targets of links, with the name of the target. */
export type OnFolder = (path: string, only?: string) => void;

export const isManifest = (name: string): boolean => /\.(ya?ml|json)$/i.test(name);

/**
 * The YAML and JSON files of a folder and the folders in it, also of those that links lead to, each once. Hidden ones are
 * passed over: editors keep their locks there, and Kubernetes the versions of a mounted ConfigMap. Never throws.
 */
export function listFolder(
  root: string,
  onFolder: OnFolder = () => undefined,
  max: number = maxFiles,
): Listing {
  const walk = new Walk(root, onFolder, max);
  const whole = resolve(root);
  onFolder(dirname(whole), basename(whole));
  walk.into('', 0);
  return walk;
}

class Walk implements Listing {
  readonly files = new Map<string, Stamp>();
  readonly closed = new Map<string, string>();
  readonly folders = new Map<string, string>();
  readonly links = new Set<string>();
  readonly #root: string;
  readonly #onFolder: OnFolder;
  readonly #max: number;
  /** Folders by what they are: links may lead in a circle. */
  readonly #entered = new Set<string>();

  constructor(root: string, onFolder: OnFolder, max: number) {
    this.#max = max;
    this.#root = root;
    this.#onFolder = onFolder;
  }

  into(folder: string, depth: number): void {
    const path = join(this.#root, folder);
    this.#onFolder(path);
    this.folders.set(path, folder);
    for (const entry of this.#entriesOf(folder)) {
      const { name } = entry;
      if (name.startsWith('.')) continue;
      const at = join(folder, name);
      if (entry.isSymbolicLink()) this.#followed(join(path, name));
      if (this.#isFolder(entry, join(path, name))) {
        if (depth >= maxDepth) this.closed.set(at, `is more than ${maxDepth} folders deep`);
        else this.into(at, depth + 1);
      } else if (isManifest(name)) this.#file(at, join(path, name));
    }
  }

  #file(at: string, path: string): void {
    if (this.files.size < this.#max) this.files.set(at, stampOf(path));
    else this.closed.set('', `holds more than ${this.#max} files: the rest is passed over; remove some`);
  }

  #isFolder(entry: Dirent, path: string): boolean {
    if (!entry.isSymbolicLink()) return entry.isDirectory();
    try {
      return statSync(path).isDirectory();
    } catch {
      return false;
    }
  }

  /** What a link leads to changes elsewhere. */
  #followed(link: string): void {
    let path = link;
    this.links.add(path);
    try {
      for (let hops = 0; hops < maxDepth; hops++) {
        path = resolve(dirname(path), readlinkSync(path));
        this.#onFolder(dirname(path), basename(path));
        this.links.add(path);
      }
    } catch {
      // It is not a link any more: the end of the chain.
    }
  }

  #entriesOf(folder: string): readonly Dirent[] {
    const path = join(this.#root, folder);
    try {
      const real = realpathSync(path);
      if (this.#entered.has(real)) return [];
      this.#entered.add(real);
      return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      this.closed.set(folder, `cannot be listed: ${reasonOf(error)}`);
      return [];
    }
  }
}

/** As in a listing. Never throws. */
export function stampOf(path: string): Result<string, string> {
  try {
    return stamp(statSync(path));
  } catch (error) {
    return err(`cannot be read: ${reasonOf(error)}`);
  }
}

function stamp(stats: Stats): Result<string, string> {
  if (!stats.isFile()) return err('is not a regular file');
  if (stats.size > maxBytes) return err(`has ${stats.size} bytes, more than ${maxBytes}`);
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
      const bytes = readWithin(file, maxBytes);
      if (!bytes) return err(`has more than ${maxBytes} bytes`);
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
    return err(`is not text of ${encoding.toUpperCase()}`);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
