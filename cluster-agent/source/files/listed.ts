import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { ChangedEntry } from './folder-watch.ts';
import { isManifest, listFolder, maxFiles, stampOf, type OnFolder, type Stamp } from './list-folder.ts';

/**
 * The files of a folder as they were listed last, followed entry by entry: a changed file costs one look at it. What a
 * change of an entry means is certain for regular files in listed folders; after any other change all is listed again.
 */
export class Listed {
  readonly #root: string;
  #files = new Map<string, Stamp>();
  #closed: ReadonlyMap<string, string> = new Map();
  #folders: ReadonlyMap<string, string> = new Map();
  #links: ReadonlySet<string> = new Set();

  constructor(root: string) {
    this.#root = root;
  }

  list(onFolder: OnFolder): void {
    const { files, closed, folders, links } = listFolder(this.#root, onFolder);
    this.#files = new Map(files);
    this.#closed = closed;
    this.#folders = folders;
    this.#links = links;
  }

  files(): Iterable<string> {
    return this.#files.keys();
  }

  stamp(file: string): Stamp | undefined {
    return this.#files.get(file);
  }

  /** Folders that cannot be listed, and why. What was known of the files in them is not gone. */
  get closed(): ReadonlyMap<string, string> {
    return this.#closed;
  }

  /** The file that the entry is, '' for an entry that is not one of the files; undefined when all has to be listed again. */
  follow({ folder, name }: ChangedEntry): string | undefined {
    const below = this.#folders.get(folder);
    const path = join(folder, name);
    if (below === undefined || this.#links.has(path) || this.#folders.has(path)) return undefined;
    const stats = lookAt(path);
    if (name.startsWith('.')) return this.#isOnTheWay(stats) ? undefined : '';
    if (stats === 'UNKNOWN' || (stats !== 'NONE' && !stats.isFile())) return undefined;
    if (!isManifest(name)) return '';
    const file = join(below, name);
    if (stats === 'NONE') this.#files.delete(file);
    else if (!this.#files.has(file) && this.#files.size >= maxFiles) return undefined;
    else this.#files.set(file, stampOf(path));
    return file;
  }

  /** Whether a hidden entry may be a part of the path that a link leads over, as `..data` of a mounted ConfigMap. */
  #isOnTheWay(stats: ReturnType<typeof lookAt>): boolean {
    return this.#links.size > 0 && (typeof stats === 'string' || !stats.isFile());
  }
}

function lookAt(path: string): Stats | 'NONE' | 'UNKNOWN' {
  try {
    return lstatSync(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'NONE' : 'UNKNOWN';
  }
}
