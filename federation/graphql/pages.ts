import { GraphQLError } from 'graphql';
import type { KeyOrder } from '../state/indexes.ts';
import type { HubErrorCode } from '../hub-error.ts';

export interface PageArguments {
  readonly first: number;
  readonly after?: string | null | undefined;
}

/** A part of a list by the conventions of Relay's connections, forward only. */
export interface Page<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly totalCount: number;
  readonly hasNextPage: boolean;
}

/** Codes of errors of the API that are not in `userErrors`. */
export type ApiErrorCode = HubErrorCode | 'DENIED' | 'TOO_MANY_SUBSCRIPTIONS';

export const apiError = (code: ApiErrorCode, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

/** A key by which `page` shows the newest first: epoch milliseconds, and a tie-breaker for two of the same instant. */
export const newestFirst = (at: number, id: string): string =>
  `${String(Number.MAX_SAFE_INTEGER - at).padStart(16, '0')} ${id}`;

/** 1 to 100 of a list in the order of their keys, after a cursor. Only what is shown is made into a node. */
export function page<T, N>(
  items: Iterable<T>,
  key: (item: T) => string,
  { first, after }: PageArguments,
  show: (item: T) => N,
): Page<N> {
  checkFirst(first);
  const keyed = [...items].map((item) => ({ key: key(item), item }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const cursor = after ? fromCursor(after) : undefined;
  const start = cursor === undefined ? 0 : keyed.filter((one) => one.key <= cursor).length;
  const shown = keyed.slice(start, start + first);
  return {
    edges: shown.map((one) => ({ cursor: toCursor(one.key), node: show(one.item) })),
    totalCount: keyed.length,
    hasNextPage: start + shown.length < keyed.length,
  };
}

/** 1 to 100 of a list that is sorted by `order`, after a cursor. */
export function pageOfSorted<T extends { readonly order: string }, N>(
  sorted: readonly T[],
  { first, after }: PageArguments,
  show: (item: T) => N,
): Page<N> {
  checkFirst(first);
  const cursor = after ? fromCursor(after) : undefined;
  const found = cursor === undefined ? 0 : sorted.findIndex(({ order }) => order > cursor);
  const start = found < 0 ? sorted.length : found;
  const shown = sorted.slice(start, start + first);
  return {
    edges: shown.map((one) => ({ cursor: toCursor(one.order), node: show(one) })),
    totalCount: sorted.length,
    hasNextPage: start + shown.length < sorted.length,
  };
}

/** 1 to 100 of the keys with a prefix, in their order, after a cursor. Only what is shown is made into a node. */
export function pageOfKeys<K extends string, N>(
  keys: KeyOrder<K>,
  prefix: string,
  { first, after }: PageArguments,
  show: (key: K) => N | undefined,
): Page<N> {
  checkFirst(first);
  const { from, to } = keys.range(prefix);
  const start = after ? Math.min(to, Math.max(from, keys.after(fromCursor(after)))) : from;
  const shown = keys.slice(start, Math.min(first, to - start));
  return {
    edges: shown.flatMap((key) => {
      const node = show(key);
      return node === undefined ? [] : [{ cursor: toCursor(key), node }];
    }),
    totalCount: to - from,
    hasNextPage: start + shown.length < to,
  };
}

export function checkFirst(first: number): void {
  if (first < 1 || first > 100) throw apiError('INVALID', 'first is a number from 1 to 100');
}

export const toCursor = (text: string): string => Buffer.from(text).toString('base64url');
export const fromCursor = (cursor: string): string => Buffer.from(cursor, 'base64url').toString();
