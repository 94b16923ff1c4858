import type { ServiceName } from '@isthmus/api/domain/names.ts';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import { userErrorCodes } from '../../hub-error.ts';
import type { RecordedError } from '../../store/audit.ts';
import type { Warning } from '../../command/warning.ts';
import { isHeard } from '../../observation/replica.ts';
import type { ClusterRecord } from '../../observation/cluster-record.ts';
import { builder } from '../builder.ts';

export const userErrorType = builder.objectRef<RecordedError>('UserError').implement({
  description: 'Why a mutation was refused. Nothing was changed.',
  fields: (t) => ({
    code: t.exposeString('code', {
      description: `UPPER_SNAKE, stable: ${userErrorCodes.join(', ')}. In the audit log also a code of GraphQL itself.`,
    }),
    field: t.exposeStringList('field', { description: 'The path within the input.' }),
    message: t.exposeString('message', { description: 'What is wrong and what to do.' }),
  }),
});

export const warningType = builder.objectRef<Warning>('Warning').implement({
  description: 'A consequence of a change, or the reason why it has no effect. The change is not refused.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'UPPER_SNAKE, stable.' }),
    field: t.exposeStringList('field', {
      description: 'The path within the input; empty: the whole change.',
    }),
    message: t.exposeString('message', { description: 'What follows, and what to do about it.' }),
  }),
});

export const severityType = builder.enumType('Severity', {
  description: 'How grave a condition is.',
  values: {
    ERROR: { description: 'Traffic fails, or a policy is not enforced.' },
    WARNING: { description: 'Traffic may fail soon, or an object has no effect.' },
    INFO: { description: 'The effect of an action that is in force.' },
  },
});

export const conditionType = builder.objectRef<Condition>('Condition').implement({
  fields: (t) => ({
    type: t.exposeString('type'),
    status: t.exposeString('status', { description: 'True or False.' }),
    reason: t.exposeString('reason', { description: 'UPPER_SNAKE, stable: PORT_NOT_CAPTURABLE.' }),
    severity: t.expose('severity', { type: severityType }),
    object: t.exposeString('object', {
      description: 'What is affected, e.g. "Pod shop/cart-1". Empty: the cluster or service itself.',
    }),
    message: t.exposeString('message', { description: 'What happened, and why.' }),
    remedy: t.exposeString('remedy', { description: 'What to do about it.' }),
  }),
});

export interface Staleness {
  readonly asOf: number | undefined;
  readonly reachable: boolean;
}

export const stalenessOf = (record: ClusterRecord | undefined): Staleness => ({
  asOf: record?.asOf === 0 ? undefined : record?.asOf,
  reachable: record !== undefined && isHeard(record),
});

export const stalenessType = builder.objectRef<Staleness>('Staleness').implement({
  description:
    'Age of data that a cluster reported. Not reachable: its agent is disconnected, or none of its replicas leads, so that nothing newer comes.',
  fields: (t) => ({
    asOf: t.expose('asOf', { type: 'DateTime', nullable: true }),
    reachable: t.exposeBoolean('reachable'),
  }),
});

export const scopeType = builder.enumType('Scope', {
  description: 'Whose connections move: ALL clients’, or only those of REMOTE clusters.',
  values: ['ALL', 'REMOTE'] as const,
});

export const serviceNameType = builder.objectRef<ServiceName>('ServiceName').implement({
  fields: (t) => ({ namespace: t.exposeString('namespace'), name: t.exposeString('name') }),
});

export const serviceRef = builder.inputType('ServiceRef', {
  fields: (t) => ({ namespace: t.string({ required: true }), name: t.string({ required: true }) }),
});
