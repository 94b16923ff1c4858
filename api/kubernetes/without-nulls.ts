/**
 * A JSON value without the fields that are null. Members of lists stay, as their place means something. It is the value
 * itself where there is none, as in nearly all objects of an API server: a copy of each was a fifth of what decoding costs.
 */
export const withoutNulls = (value: unknown): unknown => (hasNullField(value) ? copied(value) : value);

function hasNullField(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasNullField);
  return Object.values(value).some((one) => one === null || hasNullField(one));
}

function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === null ? [] : [[key, copied(one)]])),
  );
}
