import type { Match } from '@isthmus/mesh/rbac/authorization.ts';

/** Matches that say something, as few as can be: two that say nothing of the same field are one. */
export function partsOf(matches: readonly Match[]): readonly Match[] {
  const saying = matches.filter((one) => !isEmpty(one));
  const [first, second, ...rest] = saying;
  if (!first || !second || rest.length > 0 || first.principals.length > 0) return saying;
  return [{ ...first, principals: second.principals }];
}

const isEmpty = (one: Match): boolean =>
  Object.values(one).every((values: readonly unknown[]) => values.length === 0);
