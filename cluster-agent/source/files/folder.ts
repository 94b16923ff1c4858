import { join } from 'node:path';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { SourceEvent } from '../../view/source-event.ts';
import { FolderWatch, watchFolder, type ChangedEntry } from './folder-watch.ts';
import { Holding, loses, settle as settled } from './holding.ts';
import type { LastGood } from './last-good.ts';
import { readStamped, type Stamp } from './list-folder.ts';
import { Listed } from './listed.ts';
import { rejectionOf } from '../refused.ts';
import { fileFinding, readManifests, unreadable } from './read-file.ts';

/** A file is read once it has stood still for this long. */
export const settleMillis = 50;
/** One that was renamed to its name and not written since was whole before, as far as anybody can know. */
const renamedMillis = 10;
/** A form of a file without objects that it had is believed once it has stood for this long. */
export const lossMillis = 500;
/** Characters that are read in one look: parsing holds up everything else. */
const maxRead = 256 * 1024;
/** A last good form that could not be written is written again after so many milliseconds. */
const saveAgainMillis = 1000;

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
  readonly #listed: Listed;
  readonly #holding = new Holding();
  /** The form in which each file was last seen, and the one that `#holding` has. */
  readonly #seen = new Map<string, Known>();
  readonly #taken = new Map<string, string>();
  /** Entries that have changed since the last look, by their paths; undefined: anything may have. */
  #changed: Map<string, ChangedEntry> | undefined;
  /** Files of which another look may say more. */
  readonly #open = new Set<string>();
  /** Files that were renamed to their names, and not written since. */
  readonly #renamed = new Set<string>();
  /** Files whose last good form is another one than on disk. */
  readonly #unsaved = new Set<string>();
  #saveFrom = -Infinity;
  /** Characters that this look may still read. */
  #budget = 0;

  constructor(path: string, lastGood: LastGood, log: Log, watchOne = watchFolder) {
    this.#path = path;
    this.#lastGood = lastGood;
    this.#log = log;
    this.#listed = new Listed(path);
    this.#watch = new FolderWatch(watchOne, log);
    for (const [file, contents] of lastGood.load()) this.#holding.set(file, contents);
  }

  /**
   * `now` is in milliseconds and never goes back. Unless the look is at the whole folder it costs what the files have that
   * the watch named, where that is certain to be all. Never throws.
   */
  look(now: number, isWhole = true): Look {
    const named = isWhole || this.conditions.length > 0 ? undefined : this.#named();
    if (named) for (const file of named) this.#open.add(file);
    else this.#lookAtAll(now);
    this.#changed = new Map();
    const waits: number[] = [];
    this.#budget = maxRead;
    let behind = false;
    for (const file of [...this.#open].sort()) {
      const wait = this.#judge(file, now);
      if (wait === 'LATER') {
        behind = true;
        break;
      }
      if (wait === 0) this.#open.delete(file);
      else waits.push(wait);
    }
    if (behind) waits.push(1);
    const unsettled = waits.some((wait) => wait <= settleMillis);
    const saveIn = this.#saveWhenDue(now);
    if (saveIn > 0) waits.push(saveIn);
    return {
      behind,
      events: this.#holding.take(),
      unsettled,
      again: waits.length === 0 ? undefined : Math.min(...waits),
    };
  }

  /** Calls back when anything in the folder changes. A watch may miss something: look now and then beside it. */
  watch(onChange: () => void, signal: AbortSignal): void {
    this.#watch.start((entry) => {
      if (entry) this.#changed?.set(join(entry.folder, entry.name), this.#merged(entry));
      else this.#changed = undefined;
      onChange();
    }, signal);
  }

  /** Folders whose watch is lost. */
  get conditions(): readonly Condition[] {
    return this.#watch.conditions;
  }

  /** What is written after it was renamed is written in place. */
  #merged(entry: ChangedEntry): ChangedEntry {
    const before = this.#changed?.get(join(entry.folder, entry.name));
    return before ? { ...entry, isRename: before.isRename && entry.isRename } : entry;
  }

  /** The files that have changed by what the watch has named; undefined when all has to be looked at. */
  #named(): ReadonlySet<string> | undefined {
    if (!this.#changed) return undefined;
    const files = new Set<string>();
    for (const entry of this.#changed.values()) {
      const file = this.#listed.follow(entry);
      if (file === undefined) return undefined;
      if (file === '') continue;
      files.add(file);
      if (entry.isRename) this.#renamed.add(file);
      else this.#renamed.delete(file);
    }
    return files;
  }

  #lookAtAll(now: number): void {
    this.#watch.begin(now);
    this.#listed.list((path, only) => this.#watch.enter(path, only));
    this.#watch.finish();
    this.#holding.report(reportsOf(this.#listed.closed));
    this.#renamed.clear();
    for (const file of [...this.#listed.files(), ...this.#holding.files(), ...this.#seen.keys()])
      this.#open.add(file);
  }

  /** How many milliseconds to wait before the file can be judged; 0 when that is done. */
  #judge(file: string, now: number): number | 'LATER' {
    const stamp = this.#listed.stamp(file);
    if (stamp) return this.#read(file, stamp, now);
    if (this.#holding.get(file) && !isClosed(file, this.#listed.closed)) {
      const wait = lossMillis - this.#age(file, 'gone', now);
      if (wait > 0) return wait;
      this.#forget(file);
    }
    if (!this.#holding.get(file)) this.#seen.delete(file);
    return 0;
  }

  #read(file: string, stamp: Stamp, now: number): number | 'LATER' {
    if (stamp.ok && this.#taken.get(file) === stamp.value) return 0;
    const age = this.#age(file, stamp.ok ? stamp.value : stamp.error, now);
    const settle = this.#renamed.has(file) ? renamedMillis : settleMillis;
    if (age < settle) return settle - age;
    if (this.#budget <= 0) return 'LATER';
    const before = this.#holding.get(file);
    const text = stamp.ok ? readStamped(join(this.#path, file), stamp.value) : stamp;
    this.#budget -= text.ok ? text.value.length : 0;
    const read = text.ok ? readManifests(text.value, file, before?.documents) : unreadable(file, text.error);
    const after = settled(before, read);
    if (loses(before, after) && age < lossMillis) return lossMillis - age;
    this.#holding.set(file, after);
    // What was not read is tried again at every look at the whole folder.
    if (!text.ok || !stamp.ok) return 0;
    this.#taken.set(file, stamp.value);
    this.#renamed.delete(file);
    this.#unsaved.add(file);
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
    this.#holding.set(file, undefined);
    this.#seen.delete(file);
    this.#taken.delete(file);
    this.#unsaved.add(file);
  }

  /** In how many milliseconds last good forms are to be written; 0 when they have been. */
  #saveWhenDue(now: number): number {
    if (this.#unsaved.size === 0) return 0;
    if (now < this.#saveFrom) return this.#saveFrom - now;
    try {
      for (const file of this.#unsaved) {
        this.#lastGood.save(file, this.#holding.get(file));
        this.#unsaved.delete(file);
      }
      void this.#lastGood.flushed().catch((error: unknown) => this.#notSaved(error));
      return 0;
    } catch (error) {
      this.#notSaved(error);
      this.#saveFrom = now + saveAgainMillis;
      return saveAgainMillis;
    }
  }

  #notSaved(error: unknown): void {
    this.#log.error(
      { error: String(error) },
      'the last good manifests are not saved; it will be tried again',
    );
  }
}

const isClosed = (file: string, closed: ReadonlyMap<string, string>): boolean =>
  [...closed.keys()].some((folder) => folder === '' || file.startsWith(`${folder}/`));

/** Folders that cannot be listed are reported like files that cannot be read. */
const reportsOf = (closed: ReadonlyMap<string, string>): ReadonlyMap<string, readonly Rejection[]> =>
  new Map(
    [...closed].map(([folder, reason]) => {
      const object = folder === '' ? 'the folder of manifests' : folder;
      return [`${folder}/`, [rejectionOf(object, fileFinding('UNREADABLE_FOLDER', reason), folder, 0)]];
    }),
  );
