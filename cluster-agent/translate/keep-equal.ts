import { equals } from '../keys/equals.ts';

/** The next map, with the objects of the last one wherever they are equal; the last map itself when all are. */
export function keepEqual<V extends object>(
  before: ReadonlyMap<string, V> | undefined,
  after: ReadonlyMap<string, V>,
): ReadonlyMap<string, V> {
  if (!before) return after;
  let same = before.size === after.size;
  const kept = new Map<string, V>();
  for (const [key, value] of after) {
    const old = before.get(key);
    const equal = old !== undefined && equals(old, value);
    kept.set(key, equal ? old : value);
    same &&= equal;
  }
  return same ? before : kept;
}
