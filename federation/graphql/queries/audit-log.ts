import type { AuditQuery } from '../../store/audit.ts';
import { builder } from '../builder.ts';
import { apiError, checkFirst, fromCursor, toCursor } from '../pages.ts';
import { needs } from '../roles.ts';
import { auditConnection, auditFilter } from '../types/audit.ts';
import { pageArguments } from '../types/connection.ts';

builder.queryField('auditLog', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: auditConnection,
    description:
      'Newest first. What the hub and the agents did by themselves is left out unless the filter asks for it.',
    args: { ...pageArguments, filter: t.arg({ type: auditFilter }) },
    resolve: async (_root, { first, after, filter }, { store, runner }) => {
      checkFirst(first);
      const before = after ? numberOf(after) : undefined;
      const wanted = readFilter(filter ?? { system: false });
      runner.attempts.flush();
      const { records, total, more } = await store.audit({ ...wanted, limit: first, before });
      return {
        edges: records.map((node) => ({ cursor: toCursor(String(node.number)), node })),
        totalCount: total,
        hasNextPage: more,
      };
    },
  }),
);

type Filter = typeof auditFilter.$inferInput;

function readFilter({
  actor,
  action,
  subject,
  since,
  until,
  outcomes,
  system,
}: Filter): Omit<AuditQuery, 'limit'> {
  if (since != null && until != null && since > until)
    throw apiError('INVALID', 'filter.since is after filter.until: nothing can match; exchange them');
  return {
    actor: actor ?? undefined,
    action: action ?? undefined,
    subject: subject ?? undefined,
    since: since ?? undefined,
    until: until ?? undefined,
    outcomes: outcomes ?? undefined,
    system,
  };
}

function numberOf(cursor: string): number {
  const text = fromCursor(cursor);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw apiError('INVALID', 'after is not a cursor of this list: take one from an edge or from pageInfo');
}
