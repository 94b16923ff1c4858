/**
 * The first of several by a list of wishes, most important first. What all wishes leave equal is settled by name, so
 * that two proxies which learned the same things in another order decide alike.
 */
export function first<T>(
  items: readonly T[],
  wishes: readonly ((item: T) => boolean)[],
  name: (item: T) => string,
): T | undefined {
  if (items.length < 2) return items[0];
  const left = wishes.reduce((kept, wish) => {
    const granted = kept.filter(wish);
    return granted.length > 0 ? granted : kept;
  }, items);
  return left.reduce((best, item) => (name(item) < name(best) ? item : best));
}
