import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { SourceEvent } from '../source.ts';
import { duplicate, rejectionOf, type FileContents, type Held } from './read-file.ts';

/** The objects of all files together: each is taken from one file. */
export interface Holding {
  readonly objects: ReadonlyMap<string, Held & { readonly file: string }>;
  readonly rejections: ReadonlyMap<string, readonly Rejection[]>;
}

export const nothingHeld: Holding = { objects: new Map(), rejections: new Map() };

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

/**
 * Each object is taken from the first file by name that has it in a form that can be read, whatever was read first: a
 * restart changes nothing.
 */
export function hold(files: ReadonlyMap<string, FileContents>): Holding {
  const objects = new Map<string, Held & { readonly file: string }>();
  const rejections = new Map([...files].map(([file, contents]) => [file, [...contents.rejections]]));
  const names = [...files.keys()].sort();
  const inOrder = names.flatMap((file) =>
    [...(files.get(file)?.objects ?? [])].map(([id, held]) => ({ id, held: { ...held, file } })),
  );
  for (const { id, held } of inOrder) {
    const first = objects.get(id);
    if (!first || (first.standsIn && !held.standsIn)) objects.set(id, held);
  }
  for (const { id, held } of inOrder) {
    const used = objects.get(id);
    if (!used || used.file === held.file) continue;
    const finding = duplicate(used.file, used.line);
    rejections.get(held.file)?.push(rejectionOf(nameOf(held), finding, held.file, held.line));
  }
  return { objects, rejections };
}

const nameOf = ({ object: { kind, metadata } }: Held): string =>
  `${kind} ${metadata.namespace === '' ? '' : `${metadata.namespace}/`}${metadata.name}`;

/** The events that turn a view of the one into a view of the other. */
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
