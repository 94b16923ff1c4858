import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { SourceEvent } from '../source.ts';
import { duplicate, rejectionOf, type FileContents, type Held } from './read-file.ts';

/** The objects of all files together: each is taken from one file. */
export interface Holding {
  readonly objects: ReadonlyMap<string, Held & { readonly file: string }>;
  readonly rejections: ReadonlyMap<string, readonly Rejection[]>;
}

export const nothingHeld: Holding = { objects: new Map(), rejections: new Map() };

/** A new form of a file over its last: what cannot be read of it stays as it was. */
export function settle(before: FileContents | undefined, read: FileContents): FileContents {
  const kept = [...(before?.objects ?? [])].filter(
    ([id]) => !read.objects.has(id) && (read.broken || read.refused.has(id)),
  );
  return kept.length === 0 ? read : { ...read, objects: new Map([...read.objects, ...kept]) };
}

export const loses = (before: FileContents | undefined, after: FileContents): boolean =>
  [...(before?.objects.keys() ?? [])].some((id) => !after.objects.has(id));

/** Whoever had an object keeps it for as long as it is in that file; then the first file that has it is next. */
export function hold(files: ReadonlyMap<string, FileContents>, before: Holding): Holding {
  const objects = new Map<string, Held & { readonly file: string }>();
  const rejections = new Map([...files].map(([file, contents]) => [file, [...contents.rejections]]));
  for (const file of [...files.keys()].sort())
    for (const [id, held] of files.get(file)?.objects ?? []) {
      const last = before.objects.get(id)?.file ?? file;
      const owner = files.get(last)?.objects.has(id) ? last : (objects.get(id)?.file ?? file);
      if (owner === file) objects.set(id, { ...held, file });
      else
        rejections
          .get(file)
          ?.push(
            rejectionOf(
              nameOf(held),
              duplicate(owner, files.get(owner)?.objects.get(id)?.line ?? 0),
              file,
              held.line,
            ),
          );
    }
  return { objects, rejections };
}

const nameOf = ({ object: { kind, metadata } }: Held): string =>
  `${kind} ${metadata.namespace === '' ? '' : `${metadata.namespace}/`}${metadata.name}`;

/** What a view of the one has to be told to become a view of the other. */
export function differences(before: Holding, after: Holding): readonly SourceEvent[] {
  const events: SourceEvent[] = [];
  for (const [id, { object, json }] of after.objects)
    if (before.objects.get(id)?.json !== json) events.push({ type: 'upsert', id, object });
  for (const id of before.objects.keys()) if (!after.objects.has(id)) events.push({ type: 'remove', id });
  for (const origin of new Set([...before.rejections.keys(), ...after.rejections.keys()])) {
    const rejections = after.rejections.get(origin) ?? [];
    if (!sameRejections(before.rejections.get(origin) ?? [], rejections))
      events.push({ type: 'rejections', origin, rejections });
  }
  return events;
}

const sameRejections = (one: readonly Rejection[], other: readonly Rejection[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
