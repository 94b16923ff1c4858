import { createHash } from 'node:crypto';
import type { Omitted } from '../store/audit.ts';

/** Most bytes that a marker of something that was left out takes. */
const markerBytes = 128;

/** A value that has room, and what of it had to be left out. */
export interface Fitted {
  readonly value: unknown;
  readonly omitted: readonly Omitted[];
}

/**
 * JSON in at most `room` bytes. Of what is larger, the small parts of objects and the first parts of lists are kept; in
 * place of the rest stands a text with its size and its hash, and `omitted` names it. `path`: of the value itself.
 */
export function fit(value: unknown, room: number, path: string): Fitted {
  const omitted: Omitted[] = [];
  const kept = new Fitting(omitted).keep(value, room, path);
  if (bytesOf(kept) <= room) return { value: kept, omitted };
  // So little room that the markers themselves have none.
  const whole: Omitted[] = [];
  return { value: new Fitting(whole).leaveOut(value, path), omitted: whole };
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

type Field = readonly [key: string, value: unknown];

class Fitting {
  readonly #omitted: Omitted[];

  constructor(omitted: Omitted[]) {
    this.#omitted = omitted;
  }

  keep(value: unknown, room: number, path: string): unknown {
    if (bytesOf(value) <= room) return value;
    // Too little to say anything of its parts.
    if (typeof value !== 'object' || value === null || room < 4 * markerBytes)
      return this.leaveOut(value, path);
    return Array.isArray(value) ? this.#list(value, room, path) : this.#object(value, room, path);
  }

  /** The first ones; of a first one that is too large, a part. */
  #list(list: readonly unknown[], room: number, path: string): unknown {
    let left = room - markerBytes;
    const whole = list.findIndex((one) => (left -= bytesOf(one) + 1) < 0);
    const kept = whole > 0 ? list.slice(0, whole) : [this.keep(list[0], room - 2 * markerBytes, `${path}.0`)];
    const rest = list.slice(kept.length);
    if (rest.length === 0) return kept;
    return [...kept, this.leaveOut(rest, `${path}.${kept.length}-${list.length - 1}`)];
  }

  /** The small ones, and a part of the first that is too large. */
  #object(object: object, room: number, path: string): unknown {
    const bySize = (Object.entries(object) as Field[])
      .map((field) => ({ field, bytes: bytesOf(field) }))
      .sort((a, b) => a.bytes - b.bytes);
    let left = room - 2 * markerBytes;
    const whole = bySize.findIndex(({ bytes }) => (left -= bytes) < 0);
    const fields = bySize.map(({ field }) => field);
    const kept = new Map(fields.slice(0, whole));
    const [[key, value] = ['', null], ...others] = fields.slice(whole);
    left += bySize[whole]?.bytes ?? 0;
    const inPart = bytesOf(key) <= markerBytes;
    if (inPart) kept.set(key, this.keep(value, left - bytesOf(key), `${path}.${key}`));
    const rest = inPart ? others : fields.slice(whole);
    // In the order that they came in.
    const shown: Field[] = Object.keys(object).flatMap((one) =>
      kept.has(one) ? [[one, kept.get(one)] as const] : [],
    );
    if (rest.length > 0) shown.push(['…', this.leaveOut(Object.fromEntries(rest), `${path}.…`)]);
    return Object.fromEntries(shown);
  }

  leaveOut(value: unknown, path: string): string {
    const text = JSON.stringify(value);
    const bytes = Buffer.byteLength(text);
    const sha256 = createHash('sha256').update(text).digest('hex');
    this.#omitted.push({ path: path.slice(0, 200), bytes, sha256 });
    return `sha256:${sha256} of ${bytes} bytes that are left out`;
  }
}
