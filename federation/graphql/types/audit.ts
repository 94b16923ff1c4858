import type { AuditOutcome, AuditRecord } from '../../store/audit.ts';
import type { Recorded } from '../../store/store.ts';
import { builder } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { userErrorType } from './common.ts';
import { connectionOf } from './connection.ts';

export const auditOutcomeType = builder.enumType('AuditOutcome', {
  description: 'How what was asked for ended. Only DONE changed something.',
  values: {
    DONE: { description: 'It was carried out, and made a revision.' },
    UNCHANGED: {
      description:
        'Nothing changed: the state was already as asked for, or the idempotency key had been used before.',
    },
    DRY_RUN: { description: 'It was a dry run: before and after say what would have changed.' },
    REFUSED: { description: 'The caller may ask for it, and the hub refused it: errors says why.' },
    DENIED: {
      description: 'The caller may not ask for it: no token, another token, or a role that does not suffice.',
    },
  } satisfies Record<AuditOutcome, object>,
});

const omittedType = builder.objectRef<AuditRecord['omitted'][number]>('AuditOmitted').implement({
  description: 'A part of an entry that was too large to be kept.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'E.g. input.policy.access.rules.12-99.' }),
    bytes: t.exposeInt('bytes', { description: 'The size of its JSON.' }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 of its JSON, in hex.' }),
  }),
});

const auditEntryType = builder.objectRef<AuditRecord>('AuditEntry').implement({
  description: 'Who asked for what, when and why, and what came of it. Secrets are shown as sha256:<hash>.',
  fields: (t) => ({
    id: t.id({ resolve: ({ number }) => globalId('AuditEntry', String(number)) }),
    revision: t.exposeInt('revision', { description: 'Of the store after it.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When; of several, the first time.' }),
    lastAt: t.expose('lastAt', { type: 'DateTime', description: 'The last time, when count is above 1.' }),
    count: t.exposeInt('count', {
      description: 'How many equal attempts without effect this entry stands for, within ten minutes.',
    }),
    actor: t.exposeString('actor', {
      description:
        'The caller, or its address if it was not authenticated. * stands for addresses beyond the first hundred.',
    }),
    action: t.exposeString('action', { description: 'The mutation’s name.' }),
    subject: t.exposeString('subject', { description: '<kind>/<name>; empty: of no one object.' }),
    reason: t.exposeString('reason'),
    outcome: t.expose('outcome', { type: auditOutcomeType }),
    system: t.exposeBoolean('system', { description: 'A step that the hub or an agent took by itself.' }),
    input: t.expose('input', {
      type: 'JSON',
      nullable: true,
      description: 'All that was asked for; null: nothing, or it was not read.',
    }),
    before: t.expose('before', {
      type: 'JSON',
      description: 'The objects that it writes, by <kind>/<id>, before it; null: not there.',
    }),
    after: t.expose('after', { type: 'JSON', description: 'The same objects after it; null: removed.' }),
    errors: t.field({
      type: [userErrorType],
      description: 'Why it was refused or denied.',
      resolve: ({ errors }) => errors,
    }),
    omitted: t.field({
      type: [omittedType],
      nullable: { list: false, items: true },
      description: 'Parts of input, before and after that were too large and are replaced by their hash.',
      resolve: ({ omitted }) => omitted,
    }),
  }),
});

export const auditConnection = connectionOf('Audit', auditEntryType);

export const auditFilter = builder.inputType('AuditFilter', {
  description: 'Entries that match all of it.',
  fields: (t) => ({
    actor: t.string(),
    action: t.string({ description: 'The mutation’s name; authenticate: a caller without a valid token.' }),
    subject: t.string({
      description: 'The whole subject, or its name without the kind: cluster/east, east.',
    }),
    since: t.field({ type: 'DateTime' }),
    until: t.field({ type: 'DateTime' }),
    outcomes: t.field({ type: [auditOutcomeType], description: 'Any of these; null: all.' }),
    system: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Show what the hub and the agents did by themselves too.',
    }),
  }),
});

export const changeType = builder.objectRef<Recorded>('Change').implement({
  description: 'One commit of intent.',
  fields: (t) => ({
    revision: t.exposeInt('revision'),
    at: t.expose('at', { type: 'DateTime' }),
    actor: t.exposeString('actor'),
    action: t.exposeString('action'),
    subject: t.exposeString('subject'),
  }),
});
