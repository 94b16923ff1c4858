import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { SourceEvent } from '../../view/source-event.ts';
import { rejectionOf } from '../refused.ts';
import { duplicate, type FileContents, type Held } from './read-file.ts';

/**
 * A new form of a file over its last: what cannot be read of it stays as it was. A policy that never could be read is what
 * stands in for it, and says so.
 */
export function settle(before: FileContents | undefined, read: FileContents): FileContents {
  const kept = [...(before?.objects ?? [])].filter(
    ([id, { standsIn }]) =>
      !read.objects.has(id) && (read.broken || read.refused.has(id)) && !(standsIn && read.standIns.has(id)),
  );
  const objects = new Map([...read.standIns, ...read.objects, ...kept]);
  if (objects.size === read.objects.size) return read;
  const rejections = [...objects.values()].flatMap(({ standsIn }) => standsIn ?? []);
  return { ...read, objects, rejections: [...read.rejections, ...rejections] };
}

export const loses = (before: FileContents | undefined, after: FileContents): boolean =>
  [...(before?.objects.keys() ?? [])].some((id) => !after.objects.has(id));

type Used = Held & { readonly id: string; readonly file: string };

/**
 * The objects of all files together, changed in place. Each object is taken from the first file by name that has it in a
 * form that can be read, whatever was read first: a restart changes nothing. A change costs what its file has.
 */
export class Holding {
  readonly #files = new Map<string, FileContents>();
  /** By object: the files that have it, in order of their names. */
  readonly #filesOf = new Map<string, readonly string[]>();
  /** What `take` has said. */
  readonly #used = new Map<string, Used>();
  readonly #reported = new Map<string, readonly Rejection[]>();
  /** Folders that cannot be listed, which are reported like files. */
  #folders: ReadonlyMap<string, readonly Rejection[]> = new Map();
  /** What may differ from what was said. */
  readonly #ids = new Set<string>();
  readonly #origins = new Set<string>();

  get(file: string): FileContents | undefined {
    return this.#files.get(file);
  }

  files(): Iterable<string> {
    return this.#files.keys();
  }

  /** A file has other contents now; undefined: it is gone. */
  set(file: string, contents: FileContents | undefined): void {
    const before = this.#files.get(file);
    if (contents) this.#files.set(file, contents);
    else this.#files.delete(file);
    this.#origins.add(file);
    for (const id of [...(before?.objects.keys() ?? []), ...(contents?.objects.keys() ?? [])]) {
      this.#ids.add(id);
      const others = (this.#filesOf.get(id) ?? []).filter((one) => one !== file);
      const now = contents?.objects.has(id) ? [...others, file].sort() : others;
      if (now.length > 0) this.#filesOf.set(id, now);
      else this.#filesOf.delete(id);
    }
  }

  /** What is reported of folders, by origins that no file has. */
  report(folders: ReadonlyMap<string, readonly Rejection[]>): void {
    for (const origin of [...this.#folders.keys(), ...folders.keys()]) this.#origins.add(origin);
    this.#folders = folders;
  }

  /** The events that turn a view of what this said last into one of what it holds now. */
  take(): readonly SourceEvent[] {
    const upserts: Used[] = [];
    const events: SourceEvent[] = [];
    for (const id of this.#ids) {
      const [before, after] = [this.#used.get(id), this.#chosen(id)];
      for (const file of this.#filesOf.get(id) ?? []) this.#origins.add(file);
      if (after) this.#used.set(id, after);
      else this.#used.delete(id);
      if (after && after.json !== before?.json) upserts.push(after);
      else if (before && !after) events.push({ type: 'remove', id });
    }
    upserts.sort((a, b) => compareText(a.file, b.file));
    const rejections = [...this.#origins].flatMap((origin) => this.#news(origin));
    this.#ids.clear();
    this.#origins.clear();
    return [...upserts.map(upsert), ...events, ...rejections];
  }

  #chosen(id: string): Used | undefined {
    let first: Used | undefined;
    for (const file of this.#filesOf.get(id) ?? []) {
      const held = this.#files.get(file)?.objects.get(id);
      if (held && (!first || (first.standsIn && !held.standsIn))) first = { ...held, id, file };
    }
    return first;
  }

  /** What is to be said of the rejections of an origin, if anything. */
  #news(origin: string): readonly SourceEvent[] {
    const rejections = this.#folders.get(origin) ?? this.#rejectionsOf(origin);
    if (sameRejections(this.#reported.get(origin) ?? [], rejections)) return [];
    if (rejections.length > 0) this.#reported.set(origin, rejections);
    else this.#reported.delete(origin);
    return [{ type: 'rejections', origin, rejections }];
  }

  #rejectionsOf(file: string): readonly Rejection[] {
    const contents = this.#files.get(file);
    if (!contents) return [];
    const duplicates = [...contents.objects].flatMap(([id, held]) => {
      const used = this.#used.get(id);
      return !used || used.file === file
        ? []
        : [rejectionOf(nameOf(held), duplicate(used.file, used.line), file, held.line)];
    });
    return [...contents.rejections, ...duplicates];
  }
}

const upsert = ({ id, object }: Used): SourceEvent => ({ type: 'upsert', id, object });

const nameOf = ({ object: { kind, metadata } }: Held): string =>
  `${kind} ${metadata.namespace === '' ? '' : `${metadata.namespace}/`}${metadata.name}`;

const sameRejections = (one: readonly Rejection[], other: readonly Rejection[]): boolean =>
  one.length === other.length && JSON.stringify(one) === JSON.stringify(other);
