import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { parseTrafficShiftSubject } from '@isthmus/api/domain/traffic-shift-id.ts';
import { waits } from '../../failover/operation.ts';
import { notReady } from '../../failover/failback.ts';
import type { Now } from '../../state/now.ts';
import { builder, elements } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

export const operationView = (snapshot: Now, operation: Operation) => ({
  ...operation,
  message: messageOf(operation, snapshot),
  __typename: 'Operation',
  id: globalId('Operation', operation.id),
  operationId: operation.id,
});

function messageOf(operation: Operation, snapshot: Now): string {
  if (operation.state !== 'RUNNING') return operation.message;
  const failover = failoverOf(operation, snapshot);
  if (operation.type === 'UNDO_FAILOVER' && failover?.returning) {
    const waiting = notReady(failover, snapshot);
    const why = waiting.length > 0 ? `; it waits for ${waiting.join(', ')} to be reachable and healthy` : '';
    return `${failover.returning.left} % of it has yet to return${why}`;
  }
  return `waiting for ${waits(operation, snapshot).join(', ')}`;
}

function failoverOf({ subject }: Operation, { intent }: Now): Failover | undefined {
  const parsed = parseTrafficShiftSubject(subject);
  return parsed && 'failover' in parsed ? intent.failovers.get(parsed.failover)?.value : undefined;
}

export type OperationView = ReturnType<typeof operationView>;

const typeType = builder.enumType('OperationType', {
  values: [
    'EXECUTE_FAILOVER',
    'UNDO_FAILOVER',
    'DRAIN_CLUSTER',
    'UNDRAIN_CLUSTER',
    'REVOKE_CLUSTER',
  ] as const,
});

export const operationStateType = builder.enumType('OperationState', {
  values: ['RUNNING', 'DONE', 'FAILED'] as const,
});

const appliedType = builder.objectRef<Operation['applied'][number]>('OperationApplied').implement({
  fields: (t) => ({
    cluster: t.exposeString('cluster'),
    at: t.expose('at', {
      type: 'DateTime',
      description: 'When the last connected proxy of the cluster acknowledged it to the hub.',
    }),
  }),
});

export const operationType = builder.objectRef<OperationView>('Operation').implement({
  description: 'Work that clusters must apply. Its progress is what their proxies have acknowledged.',
  interfaces: [nodeType],
  fields: (t) => ({
    operationId: t.exposeID('operationId'),
    type: t.expose('type', { type: typeType }),
    state: t.expose('state', { type: operationStateType }),
    subject: t.exposeString('subject'),
    clusters: t.exposeStringList('clusters', { description: 'That must apply it.' }),
    appliedBy: t.stringList({
      description: 'That have.',
      resolve: ({ applied }) => applied.map(({ cluster }) => cluster),
    }),
    applied: t.expose('applied', {
      type: [appliedType],
      nullable: elements,
      description: 'That have, and when.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true }),
    message: t.exposeString('message', {
      description: 'While it runs: the clusters and proxies that it waits for. When it failed: why.',
    }),
  }),
});

export const operationConnection = connectionOf('Operation', operationType);
