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

/** Structural equality of plain records, arrays and maps. */
export function equals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Map && b instanceof Map) return equals([...a], [...b]);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), b as Record<string, unknown>];
  return left.length === Object.keys(right).length && left.every(([key, value]) => equals(value, right[key]));
}
