import { GraphQLError } from 'graphql';
import { HubError } from '../../hub-error.ts';
import { HistoryTruncated } from '../../store/truncated.ts';
import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { apiError } from '../pages.ts';
import { needs } from '../roles.ts';
import type { Recorded } from '../../store/store.ts';
import { changeType } from '../types/audit.ts';

builder.subscriptionField('changes', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: changeType,
    description:
      'Commits after a revision, then new ones as they are made. Fails with HISTORY_TRUNCATED, which names the oldest kept revision, if some are no longer kept.',
    args: { after: t.arg.int({ required: true }) },
    subscribe: (_root, { after }, context) => changes(context, after),
    resolve: (change) => change,
  }),
);

async function* changes({ store }: RequestContext, after: number): AsyncGenerator<Recorded> {
  const stop = new AbortController();
  try {
    for await (const { revision, audit } of store.changes(after, stop.signal)) yield { ...audit, revision };
  } catch (error) {
    throw shown(error);
  } finally {
    stop.abort();
  }
}

function shown(error: unknown): unknown {
  if (error instanceof HistoryTruncated)
    return new GraphQLError(error.message, { extensions: { code: error.code, oldest: error.oldest } });
  return error instanceof HubError ? apiError(error.code, error.message) : error;
}
