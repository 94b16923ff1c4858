import type { Applied } from '@isthmus/api/domain/report.ts';

type Entries = ReadonlyMap<string, Applied>;

/** A change copies one of these, and compares as many: with 2,000 intermediates each has about 30 entries. */
const partCount = 64;

const nothing: Entries = new Map();

/**
 * What one cluster has acknowledged, by subject. Each cluster acknowledges each intermediate of each other one, so a map
 * that is copied and compared as a whole costs the square of the clusters for one policy. This one has parts: the next
 * value shares those that do not differ, and the difference of two values is looked for in the others only.
 */
export class AppliedMap implements ReadonlyMap<string, Applied> {
  /** A part has the subjects of one hash. No private field, so that a test that compares two values compares these. */
  readonly parts: readonly Entries[];
  readonly size: number;

  private constructor(parts: readonly Entries[]) {
    this.parts = parts;
    this.size = parts.reduce((sum, { size }) => sum + size, 0);
  }

  static of(entries: Entries): AppliedMap {
    if (entries instanceof AppliedMap) return entries;
    return new AppliedMap(Array.from({ length: partCount }, () => nothing)).with([...entries]);
  }

  /** The next value; undefined: the subject is gone. */
  with(changes: readonly (readonly [subject: string, applied: Applied | undefined])[]): AppliedMap {
    if (changes.length === 0) return this;
    const parts = [...this.parts];
    const copied = new Map<number, Map<string, Applied>>();
    for (const [subject, applied] of changes) {
      const at = partOf(subject);
      const part = copied.get(at) ?? new Map(parts[at]);
      copied.set(at, part);
      if (applied) part.set(subject, applied);
      else part.delete(subject);
    }
    for (const [at, part] of copied) parts[at] = part.size > 0 ? part : nothing;
    return new AppliedMap(parts);
  }

  get(subject: string): Applied | undefined {
    return this.parts[partOf(subject)]?.get(subject);
  }

  has(subject: string): boolean {
    return this.parts[partOf(subject)]?.has(subject) ?? false;
  }

  *entries(): Generator<[string, Applied], undefined> {
    for (const part of this.parts) yield* part;
  }

  *keys(): Generator<string, undefined> {
    for (const part of this.parts) yield* part.keys();
  }

  *values(): Generator<Applied, undefined> {
    for (const part of this.parts) yield* part.values();
  }

  [Symbol.iterator](): Generator<[string, Applied], undefined> {
    return this.entries();
  }

  forEach(each: (applied: Applied, subject: string, all: ReadonlyMap<string, Applied>) => void): void {
    for (const [subject, applied] of this) each(applied, subject, this);
  }
}

/** Pairs of parts that may differ, before and after: few where one value was made from the other. */
export function differingParts(
  before: Entries | undefined,
  after: Entries | undefined,
): readonly (readonly [before: Entries | undefined, after: Entries | undefined])[] {
  if (before === after) return [];
  const [old, next] = [before && AppliedMap.of(before).parts, after && AppliedMap.of(after).parts];
  return Array.from({ length: partCount }, (_, at) => [old?.[at], next?.[at]] as const).filter(
    ([one, other]) => one !== other,
  );
}

/** FNV-1a over UTF-16 units. An agent that chooses subjects for one part makes only its own acknowledgements slower. */
function partOf(subject: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % partCount;
}
