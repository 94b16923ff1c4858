import { builder } from '../builder.ts';
import { readGlobalId } from '../global-id.ts';
import { page } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { operationConnection, operationType, operationView } from '../types/operation.ts';

builder.queryFields((t) => ({
  operations: t.field({
    ...needs('ADMIN'),
    type: operationConnection,
    description: 'Oldest first.',
    args: pageArguments,
    resolve: (_root, args, { snapshot }) =>
      page(
        snapshot.intent.operations.values(),
        ({ id, value }) => `${String(value.startedAt).padStart(16, '0')} ${id}`,
        args,
        ({ value }) => operationView(snapshot, value),
      ),
  }),
  operation: t.field({
    ...needs('ADMIN'),
    type: operationType,
    nullable: true,
    description: 'By its global id or by operationId.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { snapshot }) => {
      const { operations } = snapshot.intent;
      const stored = operations.get(id) ?? operations.get(readGlobalId(id).id);
      return stored && operationView(snapshot, stored.value);
    },
  }),
}));
