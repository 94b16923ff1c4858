import type { Finding } from '@isthmus/api/domain/rejection.ts';
import { pathOf } from '@isthmus/api/kubernetes/complaint.ts';
import type { PlainValue } from './plain-value.ts';

/** On a map, its keys that are written more than once. A symbol is in no JSON, and in the copies that spreads make. */
const writtenTwice = Symbol('written twice');

interface Flawed {
  [writtenTwice]?: readonly string[];
}

type PlainMap = Readonly<Record<string, PlainValue>>;

/** Notes keys that a map has twice. */
export function noteTwice(map: object, keys: readonly string[]): void {
  const flawed: Flawed = map;
  if (keys.length > 0) flawed[writtenTwice] = [...(flawed[writtenTwice] ?? []), ...keys];
}

/** The keys that a map has twice; none for any other value. */
export const twiceIn = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null ? ((value as Flawed)[writtenTwice] ?? []) : [];

type Path = readonly (string | number)[];

/** The first place in a value where a key is written twice. */
export function findTwice(value: PlainValue, path: Path = []): Path | undefined {
  const [key] = twiceIn(value);
  if (key !== undefined) return [...path, key];
  const entries = isList(value) ? value.entries() : isMap(value) ? Object.entries(value) : [];
  for (const [at, one] of entries) {
    const found = findTwice(one, [...path, at]);
    if (found) return found;
  }
  return undefined;
}

/** Kubernetes takes the last one without a word, and with it a rule of a DENY may be lost. */
export const duplicateKey = (path: Path): Finding => ({
  code: 'DUPLICATE_KEY',
  severity: 'ERROR',
  field: pathOf(path),
  message: `is written twice in its map: keep one of them`,
});

/** Stands for what is in doubt: no field that matters can be read from it, and it is not absent either. */
const unreadable: PlainValue = [];

/**
 * An object as far as it is beyond doubt. Of the object itself and of its metadata the values of keys that are there
 * twice become unreadable; elsewhere the whole map does, as one key less would change what the rest of a rule matches.
 */
export function withoutDoubt(object: PlainValue): PlainValue {
  if (!isMap(object)) return object;
  const { metadata } = object;
  return readable(object, isMap(metadata ?? null) ? readable(metadata as PlainMap) : undefined);
}

/** `metadata`: stands for the value of that key. */
function readable(map: PlainMap, metadata?: PlainMap): PlainMap {
  const twice = new Set(twiceIn(map));
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [
      key,
      twice.has(key) ? unreadable : metadata && key === 'metadata' ? metadata : certain(value),
    ]),
  );
}

function certain(value: PlainValue): PlainValue {
  if (isList(value)) return value.map(certain);
  if (!isMap(value)) return value;
  return twiceIn(value).length > 0 ? unreadable : readable(value);
}

const isList = (value: PlainValue): value is readonly PlainValue[] => Array.isArray(value);

const isMap = (value: PlainValue): value is PlainMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
