import fc from 'fast-check';

/** What may be in a place by mistake. */
const garbageValues: readonly unknown[] = [null, 7, true, '', [], {}, [null], [7], 'x', { a: 1 }, ['*/*/*']];

export const garbage = fc.constantFrom(...garbageValues);

/** Every place within a value, as the keys that lead there. */
export function places(value: unknown, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, one]) => places(one, [...at, key]))];
}

/** A copy in which something else is at a place, or a key has another name. */
export function damage(
  value: unknown,
  [key, ...rest]: readonly string[],
  by: unknown,
  rename: boolean,
): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((one: unknown, i) => (String(i) === key ? damage(one, rest, by, rename) : one));
  return Object.fromEntries(
    Object.entries(value as object).map(([name, one]: [string, unknown]) => {
      if (name !== key) return [name, one];
      return rename && rest.length === 0
        ? [`${name.slice(0, -1)}x`, one]
        : [name, damage(one, rest, by, rename)];
    }),
  );
}
