import { touches, written, type ChangeSet } from '../../observation/change-set.ts';
import type { Live } from '../../state/live.ts';
import type { Revision } from '../../store/store.ts';
import { builder } from '../builder.ts';
import { readGlobalId } from '../global-id.ts';
import { apiError } from '../pages.ts';
import { needs } from '../roles.ts';
import { operationType, operationView, type OperationView } from '../types/operation.ts';
import { latest } from './latest.ts';

builder.subscriptionField('operationProgress', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: operationType,
    description: 'The current state of an operation and each change of it, until it ends.',
    args: { id: t.arg.id({ required: true }) },
    subscribe: (_root, { id }, { live }) => operationProgress(live, id),
    resolve: (operation) => operation,
  }),
);

/** What the view of an operation rests on: two views of one brief are alike. */
interface OperationBrief {
  /** Of the operation as it is stored. */
  readonly revision: Revision;
  /** While it runs: what it waits for. */
  readonly message: string;
}

const areAlike = (one: OperationBrief | undefined, other: OperationBrief): boolean =>
  one?.revision === other.revision && one.message === other.message;

/** An operation, by its id or its global id, and again when its brief is another, until it ends. */
export function operationProgress(live: Live, wanted: string): AsyncIterableIterator<OperationView> {
  const id = live.current.intent.operations.has(wanted) ? wanted : readGlobalId(wanted).id;
  if (!live.current.intent.operations.has(id))
    throw apiError('NOT_FOUND', `no operation '${wanted}' is known`);
  let isDue = true;
  let given: OperationBrief | undefined;
  return latest({
    start: (wake) =>
      live.onChange((changes) => {
        isDue ||= mayAdvance(changes, id);
        wake();
      }),
    take() {
      const stored = isDue ? live.current.intent.operations.get(id) : undefined;
      isDue = false;
      if (!stored) return undefined;
      const view = operationView(live.current, stored.value);
      const brief = { revision: stored.revision, message: view.message };
      if (areAlike(given, brief)) return undefined;
      given = brief;
      return view;
    },
    isLast: ({ state }) => state !== 'RUNNING',
  });
}

/** Whether an operation, or what it waits for, may be shown otherwise: what is acknowledged, who is there and healthy. */
const mayAdvance = (changes: ChangeSet, id: string): boolean =>
  written(changes, 'operation').has(id) ||
  touches(changes, 'cluster', 'failover') ||
  changes.applied.size > 0 ||
  changes.links.size > 0 ||
  changes.services.size > 0;
