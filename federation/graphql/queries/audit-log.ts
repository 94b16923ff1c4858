import { builder } from '../builder.ts';
import { apiError, checkFirst, fromCursor, toCursor } from '../pages.ts';
import { needs } from '../roles.ts';
import { auditConnection } from '../types/audit.ts';
import { pageArguments } from '../types/connection.ts';

builder.queryField('auditLog', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: auditConnection,
    description: 'Newest first.',
    args: pageArguments,
    resolve: async (_root, { first, after }, { store, snapshot }) => {
      checkFirst(first);
      const entries = await store.audit(first + 1, after ? revisionOf(after) : undefined);
      return {
        edges: entries.slice(0, first).map((node) => ({ cursor: toCursor(String(node.revision)), node })),
        totalCount: snapshot.intent.revision,
        hasNextPage: entries.length > first,
      };
    },
  }),
);

function revisionOf(cursor: string): number {
  const text = fromCursor(cursor);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw apiError('INVALID', 'after is no cursor of this list: take one from an edge or from pageInfo');
}
