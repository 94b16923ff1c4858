import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { readGlobalId } from '../global-id.ts';
import { apiError } from '../pages.ts';
import { needs } from '../roles.ts';
import { operationType, operationView, type OperationView } from '../types/operation.ts';
import { whenDifferent } from './moments.ts';

builder.subscriptionField('operationProgress', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: operationType,
    description: 'The current state of an operation and each change of it, until it ends.',
    args: { id: t.arg.id({ required: true }) },
    subscribe: (_root, { id }, context) => progress(context, id),
    resolve: (operation) => operation,
  }),
);

async function* progress({ live }: RequestContext, wanted: string): AsyncGenerator<OperationView> {
  const id = live.current.intent.operations.has(wanted) ? wanted : readGlobalId(wanted).id;
  if (!live.current.intent.operations.has(id))
    throw apiError('NOT_FOUND', `no operation '${wanted}' is known`);
  const look = () => {
    const stored = live.current.intent.operations.get(id);
    return stored ? [[id, operationView(live.current, stored.value)] as const] : [];
  };
  for await (const operation of whenDifferent(live, look)) {
    yield operation;
    if (operation.state !== 'RUNNING') return;
  }
}
