import { builder } from '../builder.ts';
import { connectionOf } from './connection.ts';

/** Who changed what, when and why. */
export interface AuditView {
  readonly revision: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string;
}

const auditEntryType = builder.objectRef<AuditView>('AuditEntry').implement({
  description: 'Who changed what, when and why.',
  fields: (t) => ({
    revision: t.exposeInt('revision'),
    at: t.expose('at', { type: 'DateTime' }),
    actor: t.exposeString('actor'),
    action: t.exposeString('action', { description: 'The mutation’s name.' }),
    subject: t.exposeString('subject'),
    reason: t.exposeString('reason'),
  }),
});

export const auditConnection = connectionOf('Audit', auditEntryType);

export const changeType = builder.objectRef<AuditView>('Change').implement({
  description: 'One commit of intent.',
  fields: (t) => ({
    revision: t.exposeInt('revision'),
    at: t.expose('at', { type: 'DateTime' }),
    actor: t.exposeString('actor'),
    action: t.exposeString('action'),
    subject: t.exposeString('subject'),
  }),
});
