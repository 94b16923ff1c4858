import type { Operation } from '@isthmus/api/domain/operation.ts';
import { progressOf } from '../../failover/operation.ts';
import type { FederationSnapshot } from '../../state/snapshot.ts';
import { builder } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

export const operationView = (snapshot: FederationSnapshot, operation: Operation) => ({
  ...progressOf(operation, snapshot),
  ...{ __typename: 'Operation', id: globalId('Operation', operation.id), operationId: operation.id },
});

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

const stateType = builder.enumType('OperationState', { values: ['RUNNING', 'DONE', 'FAILED'] as const });

export const operationType = builder.objectRef<OperationView>('Operation').implement({
  description:
    'Work that clusters must apply; how far it is follows from what their proxies have acknowledged.',
  interfaces: [nodeType],
  fields: (t) => ({
    operationId: t.exposeID('operationId'),
    type: t.expose('type', { type: typeType }),
    state: t.expose('state', { type: stateType }),
    subject: t.exposeString('subject'),
    clusters: t.exposeStringList('clusters', { description: 'That must apply it.' }),
    appliedBy: t.exposeStringList('appliedBy', { description: 'That have.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true }),
    message: t.exposeString('message'),
  }),
});

export const operationConnection = connectionOf('Operation', operationType);
