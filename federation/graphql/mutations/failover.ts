import type { Failover } from '@isthmus/api/domain/failover.ts';
import { executeFailover, undoFailover, type FailoverPayload } from '../../failover/commands.ts';
import type { Now } from '../../state/now.ts';
import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { localId } from '../global-id.ts';
import { needs } from '../roles.ts';
import { failoverType, failoverView, type FailoverView } from '../types/failover.ts';
import { operationType, operationView, type OperationView } from '../types/operation.ts';
import { carryOut, commonInput, commonPayload, type CommonPayload } from './common.ts';

const admin = needs('ADMIN');

interface FailoverResult extends CommonPayload {
  readonly failover?: FailoverView | undefined;
  readonly operation?: OperationView | undefined;
}

const failoverPayload = builder.objectRef<FailoverResult>('FailoverPayload').implement({
  fields: (t) => ({
    failover: t.expose('failover', { type: failoverType, nullable: true }),
    operation: t.expose('operation', { type: operationType, nullable: true }),
    ...commonPayload(t),
  }),
});

/** A dry run's failover and operation have ids that nothing will ever have: they are not shown. */
const show = ({ live }: RequestContext, { failover, operation }: FailoverPayload, dryRun: boolean) =>
  dryRun
    ? {}
    : {
        failover: failover ? shownFailover(live.current, failover) : undefined,
        operation: operationView(live.current, operation),
      };

/** A failover at the revision that it has now, if it is there. */
function shownFailover({ intent }: Now, failover: Failover): FailoverView {
  const stored = intent.failovers.get(failover.id);
  return failoverView({ value: failover, revision: stored?.revision ?? 0 });
}

const executeInput = builder.inputType('ExecuteFailoverInput', {
  fields: (t) => ({ planId: t.id({ required: true }), ...commonInput(t) }),
});

builder.mutationField('executeFailover', (t) =>
  t.field({
    ...admin,
    type: failoverPayload,
    description: 'Executes a plan. Fails with PLAN_STALE if intent or health changed since it was simulated.',
    args: { input: t.arg({ type: executeInput, required: true }) },
    resolve: (_root, { input }, context) =>
      carryOut(executeFailover(context.plans), { planId: input.planId }, input, context, (payload) =>
        show(context, payload, input.dryRun),
      ),
  }),
);

const undoInput = builder.inputType('UndoFailoverInput', {
  fields: (t) => ({
    id: t.id({ required: true, description: 'The global id, or failoverId.' }),
    ...commonInput(t),
  }),
});

builder.mutationField('undoFailover', (t) =>
  t.field({
    ...admin,
    type: failoverPayload,
    description:
      'Ends a failover: traffic returns in steps of a quarter while its clusters are healthy. Policies edited in the meantime are kept.',
    args: { input: t.arg({ type: undoInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const id = localId('Failover', input.id);
      return carryOut(undoFailover, { id }, input, context, (payload) =>
        show(context, payload, input.dryRun),
      );
    },
  }),
);
