import { statSync, watch } from 'node:fs';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';

/** Ends a watch. */
export type Unwatch = () => void;

/** Watches one folder, not those in it. Throws when the system refuses; `onLost` may be called at any time after. */
export type WatchFolder = (
  path: string,
  /**
   * With the name of the entry, as far as the system says it, and whether the name came, went or leads elsewhere: otherwise
   * what it leads to was written.
   */
  onChange: (name: string | null, isRename: boolean) => void,
  onLost: (error: unknown) => void,
) => Unwatch;

/** The kernel tells of a folder's entries: whatever is written, renamed or removed in it, of whichever inode. */
export const watchFolder: WatchFolder = (path, onChange, onLost) => {
  const watcher = watch(path, (event, name) => onChange(name, event === 'rename')).on('error', onLost);
  return () => watcher.close();
};

const againMillis = 10_000;

interface Lost {
  readonly reason: string;
  /** When the watch was last begun, monotonic milliseconds. */
  readonly triedAt: number;
}

interface Watched {
  /** Which folder the path was when the watch began: a path may come to be another. */
  readonly inode: string;
  readonly end: Unwatch;
}

/** An entry of a watched folder that was changed. */
export interface ChangedEntry {
  /** As the walk called it. */
  readonly folder: string;
  readonly name: string;
  readonly isRename: boolean;
}

/**
 * Watches each of a tree's folders by itself. Watching files, as Node's recursive watch does on Linux, follows an inode:
 * once a file has been replaced, which is how most programs write, its changes are no longer reported. A folder whose watch
 * is lost is tried again at every look, and the others go on.
 */
export class FolderWatch {
  readonly #watchFolder: WatchFolder;
  readonly #log: Log;
  readonly #watched = new Map<string, Watched>();
  readonly #lost = new Map<string, Lost>();
  /** To the names that matter there; undefined for all. */
  #wanted = new Map<string, Set<string> | undefined>();
  #now = 0;
  #onChange: ((entry: ChangedEntry | undefined) => void) | undefined;

  constructor(watchOne: WatchFolder, log: Log) {
    this.#watchFolder = watchOne;
    this.#log = log;
  }

  /**
   * Calls back when something in a watched folder changes, until the signal aborts: with the entry, or without one when
   * anything may have changed.
   */
  start(onChange: (entry: ChangedEntry | undefined) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#onChange = onChange;
    signal.addEventListener('abort', () => {
      this.#onChange = undefined;
      for (const path of [...this.#watched.keys()]) this.#end(path);
    });
  }

  /** A walk over the tree begins. `now` is in monotonic milliseconds. */
  begin(now: number): void {
    this.#now = now;
    this.#wanted = new Map();
  }

  /** The walk comes to a folder: it is watched before it is listed, so that nothing falls between. */
  enter(path: string, only?: string): void {
    if (!this.#onChange) return;
    const isNew = !this.#wanted.has(path);
    const names = isNew ? new Set<string>() : this.#wanted.get(path);
    this.#wanted.set(path, only === undefined ? undefined : names?.add(only));
    if (isNew) this.#watch(path);
  }

  #watch(path: string): void {
    const inode = inodeOf(path);
    // It cannot be listed either, which the listing reports.
    if (inode === undefined) return this.#forget(path);
    if (this.#watched.get(path)?.inode === inode) return;
    const lost = this.#lost.get(path);
    if (lost && this.#now - lost.triedAt < againMillis) return;
    const triedAt = this.#now;
    this.#end(path);
    try {
      const end = this.#watchFolder(
        path,
        (name, isRename) => this.#changed(path, name, isRename),
        (error) => {
          this.#failed(path, error, triedAt);
          // What is known of the folder may be old already.
          this.#onChange?.(undefined);
        },
      );
      this.#watched.set(path, { inode, end });
      if (this.#lost.delete(path)) this.#log.info({ folder: path }, 'the file watch is back');
    } catch (error) {
      this.#failed(path, error, triedAt);
    }
  }

  /** The walk is over: what it did not come to is watched no more. */
  finish(): void {
    for (const path of [...this.#watched.keys(), ...this.#lost.keys()])
      if (!this.#wanted.has(path)) this.#forget(path);
  }

  /** The folders whose watch is lost. */
  get conditions(): readonly Condition[] {
    const [first, ...others] = this.#lost;
    if (!first) return [];
    const [path, { reason }] = first;
    const more = others.length === 0 ? '' : ` (and on ${others.length} more folders)`;
    return [
      {
        type: 'FilesWatched',
        status: 'False',
        reason: 'FILE_WATCH_LOST',
        severity: 'WARNING',
        object: '',
        message: `lost the file watch on ${path}${more}; polling every 10 s instead: ${reason}`,
        remedy:
          'raise fs.inotify.max_user_watches and fs.inotify.max_user_instances if they are used up; the watch is tried again every 10 s',
      },
    ];
  }

  #changed(folder: string, name: string | null, isRename: boolean): void {
    const names = this.#wanted.get(folder);
    if (name === null) this.#onChange?.(undefined);
    else if (names === undefined || names.has(name)) this.#onChange?.({ folder, name, isRename });
  }

  #failed(path: string, error: unknown, triedAt: number): void {
    this.#end(path);
    if (!this.#onChange) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (!this.#lost.has(path))
      this.#log.warn({ folder: path, error: reason }, 'lost the file watch; polling every 10 s instead');
    this.#lost.set(path, { reason, triedAt });
  }

  #forget(path: string): void {
    this.#end(path);
    this.#lost.delete(path);
  }

  #end(path: string): void {
    this.#watched.get(path)?.end();
    this.#watched.delete(path);
  }
}

function inodeOf(path: string): string | undefined {
  try {
    const stats = statSync(path);
    return stats.isDirectory() ? `${stats.dev}/${stats.ino}` : undefined;
  } catch {
    return undefined;
  }
}
