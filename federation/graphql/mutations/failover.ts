import { executeFailover, undoFailover, type FailoverPayload } from '../../failover/commands.ts';
import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { readGlobalId } from '../global-id.ts';
import { needs } from '../roles.ts';
import { failoverType, failoverView, type FailoverView } from '../types/failover.ts';
import { operationType, operationView, type OperationView } from '../types/operation.ts';
import { carryOut, commonInput, commonPayload, type Told } from './common.ts';

const admin = needs('ADMIN');

interface FailoverTold extends Told {
  readonly failover?: FailoverView | undefined;
  readonly operation?: OperationView | undefined;
}

const failoverPayload = builder.objectRef<FailoverTold>('FailoverPayload').implement({
  fields: (t) => ({
    failover: t.expose('failover', { type: failoverType, nullable: true }),
    operation: t.expose('operation', { type: operationType, nullable: true }),
    ...commonPayload(t),
  }),
});

const show = ({ live }: RequestContext, { failover, operation }: FailoverPayload) => ({
  failover: failover ? failoverView(failover) : undefined,
  operation: operationView(live.current, operation),
});

const executeInput = builder.inputType('ExecuteFailoverInput', {
  fields: (t) => ({ planId: t.id({ required: true }), ...commonInput(t) }),
});

builder.mutationField('executeFailover', (t) =>
  t.field({
    ...admin,
    type: failoverPayload,
    description: 'Carries out a simulated plan, if the world is still the one that it was made for.',
    args: { input: t.arg({ type: executeInput, required: true }) },
    resolve: (_root, { input }, context) =>
      carryOut(executeFailover(context.plans), { planId: input.planId }, input, context, (told) =>
        show(context, told),
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
      'Takes a failover’s layer away, a quarter at a time as its clusters can bear it; what was edited meanwhile stays.',
    args: { input: t.arg({ type: undoInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const global = readGlobalId(input.id);
      const id = global.type === 'Failover' && global.id !== '' ? global.id : input.id;
      return carryOut(undoFailover, { id }, input, context, (told) => show(context, told));
    },
  }),
);
