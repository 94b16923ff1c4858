import { join } from 'node:path';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import type { SourceEvent } from '../source.ts';
import { differences, hold, loses, nothingHeld, settle, type Holding } from './holding.ts';
import { FolderWatch, watchFolder } from './folder-watch.ts';
import type { LastGood } from './last-good.ts';
import { listFolder, readStamped, type Listing } from './list-folder.ts';
import { fileFinding, readManifests, rejectionOf, unreadable, type FileContents } from './read-file.ts';

/** A file is read once it has stood still for this long. */
export const settleMillis = 50;
/** A form of a file without objects that it had is believed once it has stood for this long. */
export const lossMillis = 500;
/** Characters that are read in one look: parsing holds up everything else. */
const mostRead = 256 * 1024;
/** The last good form of a folder of many files is large, and is written once in so many milliseconds. */
const saveMillis = 1000;
const manyFiles = 500;

export interface Look {
  readonly events: readonly SourceEvent[];
  /** Some file was written to just now: what it says is not known yet. */
  readonly unsettled: boolean;
  /** Some files have yet to be read, which the next look does. */
  readonly behind: boolean;
  /** Milliseconds until another look would find more; undefined when nothing is waited for. */
  readonly again: number | undefined;
}

interface Known {
  readonly stamp: string;
  readonly since: number;
}

/**
 * A folder of YAML files as objects: what is different from the last look. A file may be looked at in the middle of
 * being written, which its text does not always show, so a new form has to stand still first, and longer when
 * something is missing in it.
 */
export class Folder {
  readonly #path: string;
  readonly #lastGood: LastGood;
  readonly #log: Log;
  readonly #watch: FolderWatch;
  readonly #files: Map<string, FileContents>;
  /** The form in which each file was last seen, and the one that `#files` has. */
  readonly #seen = new Map<string, Known>();
  readonly #taken = new Map<string, string>();
  #holding: Holding = nothingHeld;
  #unsaved = false;
  #savedAt = -Infinity;
  /** Characters that this look may still read. */
  #budget = 0;

  constructor(path: string, lastGood: LastGood, log: Log, watchOne = watchFolder) {
    this.#path = path;
    this.#lastGood = lastGood;
    this.#log = log;
    this.#watch = new FolderWatch(watchOne, log);
    this.#files = lastGood.load();
  }

  /** `now` is in milliseconds and never goes back. Never throws. */
  look(now: number): Look {
    const listing = this.#list(now);
    const waits: number[] = [];
    this.#budget = mostRead;
    let behind = false;
    for (const [file, stamp] of listing.files) {
      const wait = this.#lookAt(file, stamp, now);
      if (wait === 'LATER') behind = true;
      else if (wait > 0) waits.push(wait);
    }
    if (behind) waits.push(1);
    for (const file of [...this.#files.keys()]) {
      if (listing.files.has(file) || isClosed(file, listing)) continue;
      const wait = lossMillis - this.#age(file, 'gone', now);
      if (wait > 0) waits.push(wait);
      else this.#forget(file);
    }
    for (const file of this.#seen.keys())
      if (!listing.files.has(file) && !this.#files.has(file)) this.#seen.delete(file);
    const before = this.#holding;
    this.#holding = withClosed(hold(this.#files), listing);
    const unsettled = waits.some((wait) => wait <= settleMillis);
    const saveIn = this.#saveWhenDue(now);
    if (saveIn > 0) waits.push(saveIn);
    return {
      behind,
      events: differences(before, this.#holding),
      unsettled,
      again: waits.length === 0 ? undefined : Math.min(...waits),
    };
  }

  /** Calls back when anything in the folder changes. A watch may miss something: look now and then beside it. */
  watch(onChange: () => void, signal: AbortSignal): void {
    this.#watch.start(onChange, signal);
  }

  /** Folders whose watch is lost. */
  get conditions(): readonly Condition[] {
    return this.#watch.conditions;
  }

  #list(now: number): Listing {
    this.#watch.begin(now);
    const listing = listFolder(this.#path, (path, only) => this.#watch.enter(path, only));
    this.#watch.finish();
    return listing;
  }

  /** How many milliseconds to wait before the file can be judged; 0 when that is done. */
  #lookAt(file: string, stamp: Result<string, string>, now: number): number | 'LATER' {
    if (stamp.ok && this.#taken.get(file) === stamp.value) return 0;
    const age = this.#age(file, stamp.ok ? stamp.value : stamp.error, now);
    if (age < settleMillis) return settleMillis - age;
    if (this.#budget <= 0) return 'LATER';
    const before = this.#files.get(file);
    const text = stamp.ok ? readStamped(join(this.#path, file), stamp.value) : stamp;
    this.#budget -= text.ok ? text.value.length : 0;
    const after = settle(before, text.ok ? readManifests(text.value, file) : unreadable(file, text.error));
    if (loses(before, after) && age < lossMillis) return lossMillis - age;
    this.#files.set(file, after);
    // What was not read is tried again at every look.
    if (!text.ok || !stamp.ok) return 0;
    this.#taken.set(file, stamp.value);
    this.#unsaved = true;
    return 0;
  }

  /** For how long the file has been seen in this form. */
  #age(file: string, stamp: string, now: number): number {
    const seen = this.#seen.get(file);
    if (seen?.stamp === stamp) return now - seen.since;
    this.#seen.set(file, { stamp, since: now });
    return 0;
  }

  #forget(file: string): void {
    this.#files.delete(file);
    this.#seen.delete(file);
    this.#taken.delete(file);
    this.#unsaved = true;
  }

  /** In how many milliseconds the last good form is to be written; 0 when it has been. */
  #saveWhenDue(now: number): number {
    if (!this.#unsaved) return 0;
    const due = this.#files.size < manyFiles ? 0 : this.#savedAt + saveMillis - now;
    if (due > 0) return due;
    this.#savedAt = now;
    this.#save();
    return 0;
  }

  #save(): void {
    try {
      this.#lastGood.save(this.#files);
      this.#unsaved = false;
    } catch (error) {
      this.#log.error(
        { error: String(error) },
        'the last good manifests are not saved; it will be tried again',
      );
    }
  }
}

const isClosed = (file: string, { closed }: Listing): boolean =>
  [...closed.keys()].some((folder) => folder === '' || file.startsWith(`${folder}/`));

/** Folders that cannot be listed are reported like files that cannot be read. */
function withClosed({ objects, rejections }: Holding, { closed }: Listing): Holding {
  const told = [...closed].map(([folder, reason]): [string, readonly Rejection[]] => {
    const object = folder === '' ? 'the folder of manifests' : folder;
    return [`${folder}/`, [rejectionOf(object, fileFinding('UNREADABLE_FOLDER', reason), folder, 0)]];
  });
  return { objects, rejections: new Map([...rejections, ...told]) };
}
