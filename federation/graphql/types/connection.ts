import type { ObjectRef } from '@pothos/core';
import { type ApiTypes, builder, elements } from '../builder.ts';
import type { Page } from '../pages.ts';

/** The arguments of every list: 1 to 100 after a cursor. */
export const pageArguments = builder.args((t) => ({
  first: t.int({ required: true, defaultValue: 50, description: '1 to 100.' }),
  after: t.string({ description: 'The cursor after which to begin.' }),
}));

interface PageInfo {
  readonly hasNextPage: boolean;
  readonly startCursor: string | undefined;
  readonly endCursor: string | undefined;
}

const pageInfoType = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'Lists are read forward only.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage'),
    hasPreviousPage: t.boolean({ resolve: () => false }),
    startCursor: t.exposeString('startCursor', { nullable: true }),
    endCursor: t.exposeString('endCursor', { nullable: true }),
  }),
});

/** `<name>Connection` and `<name>Edge` for a type. */
export function connectionOf<T extends object>(name: string, type: ObjectRef<ApiTypes, T>) {
  const edge = builder.objectRef<{ readonly cursor: string; readonly node: T }>(`${name}Edge`).implement({
    fields: (t) => ({
      cursor: t.string({ resolve: ({ cursor }) => cursor }),
      // The compiler cannot see of an unknown T that it is not a list, which would be resolved item by item.
      node: t.field({ type, resolve: (one) => one.node as never }),
    }),
  });
  return builder.objectRef<Page<T>>(`${name}Connection`).implement({
    fields: (t) => ({
      edges: t.field({ type: [edge], nullable: elements, resolve: ({ edges }) => edges }),
      nodes: t.field({
        type: [type],
        nullable: elements,
        resolve: ({ edges }): readonly T[] => edges.map(({ node }) => node),
      }),
      totalCount: t.int({ resolve: ({ totalCount }) => totalCount }),
      pageInfo: t.field({
        type: pageInfoType,
        resolve: ({ edges, hasNextPage }) => ({
          hasNextPage,
          startCursor: edges[0]?.cursor,
          endCursor: edges.at(-1)?.cursor,
        }),
      }),
    }),
  });
}
