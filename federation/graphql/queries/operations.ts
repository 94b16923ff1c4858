import { builder } from '../builder.ts';
import { readGlobalId } from '../global-id.ts';
import { newestFirst, page } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { operationConnection, operationStateType, operationType, operationView } from '../types/operation.ts';

builder.queryFields((t) => ({
  operations: t.field({
    ...needs('ADMIN'),
    type: operationConnection,
    description: 'Newest first. Ended ones are kept for a month.',
    args: {
      ...pageArguments,
      state: t.arg({ type: operationStateType, description: 'Only those in this state.' }),
    },
    resolve: (_root, { state, ...args }, { snapshot }) =>
      page(
        [...snapshot.intent.operations.values()].filter(
          ({ value }) => state == null || value.state === state,
        ),
        ({ id, value }) => newestFirst(value.startedAt, id),
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
