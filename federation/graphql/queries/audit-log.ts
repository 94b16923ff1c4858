import { builder } from '../builder.ts';
import { checkFirst, fromCursor, toCursor } from '../pages.ts';
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
      const entries = await store.audit(first + 1, after ? Number(fromCursor(after)) : undefined);
      return {
        edges: entries.slice(0, first).map((node) => ({ cursor: toCursor(String(node.revision)), node })),
        totalCount: snapshot.intent.revision,
        hasNextPage: entries.length > first,
      };
    },
  }),
);
