import { GraphQLError } from 'graphql';

export interface PageArguments {
  readonly first: number;
  readonly after?: string | null;
}

export interface Page<T> {
  readonly nodes: readonly T[];
  readonly totalCount: number;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

export const apiError = (code: string, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

/** 1 to 100 of a list in the order of their keys, after a cursor. */
export function page<T>(
  items: readonly T[],
  key: (item: T) => string,
  { first, after }: PageArguments,
): Page<T> {
  if (first < 1 || first > 100) throw apiError('INVALID', 'first is a number from 1 to 100');
  const sorted = [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  const start = after ? sorted.filter((item) => key(item) <= fromCursor(after)).length : 0;
  const nodes = sorted.slice(start, start + first);
  const last = nodes.at(-1);
  return {
    ...{ nodes, totalCount: items.length },
    pageInfo: {
      hasNextPage: start + nodes.length < sorted.length,
      endCursor: last === undefined ? null : toCursor(key(last)),
    },
  };
}

export const toCursor = (text: string): string => Buffer.from(text).toString('base64url');
export const fromCursor = (cursor: string): string => Buffer.from(cursor, 'base64url').toString();

/** Relay's global ids: the type and what names the object within it. */
export const globalId = (type: string, id: string): string => toCursor(`${type}:${id}`);

export function readGlobalId(id: string): { type: string; id: string } {
  const [type = '', ...rest] = fromCursor(id).split(':');
  return { type, id: rest.join(':') };
}

export const isoTime = (millis: number | undefined): string | null =>
  millis === undefined || millis === 0 ? null : new Date(millis).toISOString();

/** An ISO 8601 time as epoch milliseconds. */
export function readTime(text: string | null | undefined, field: string): number | undefined {
  if (text === null || text === undefined) return undefined;
  const millis = Date.parse(text);
  if (Number.isNaN(millis)) throw apiError('INVALID', `${field} is no ISO 8601 time`);
  return millis;
}
