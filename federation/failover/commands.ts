import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refuse } from '../command/refuse.ts';
import { startOperation } from './operation.ts';
import { simulate } from './plan.ts';
import type { Plans } from './plans.ts';

export interface FailoverPayload {
  readonly failover: Failover | null;
  readonly operation: Operation;
}

/** Carries out a plan that was looked at, if the world is still the one that it was made for. */
export const executeFailover = (plans: Plans): Command<{ planId: string }, FailoverPayload> => ({
  name: 'executeFailover',
  decide(snapshot, { planId }, context) {
    const plan = plans.get(planId);
    if (!plan)
      return refuse(
        'PLAN_UNKNOWN',
        'planId',
        'no such plan: plans are kept for 15 minutes and not over a restart; simulate again',
      );
    const stale = checkRevision(context, 0, 'the failover of this plan');
    if (stale) return { ok: false, error: [stale] };
    const again = simulate(snapshot, plan.request, context.now);
    if (!again.ok || again.value.basis !== plan.basis)
      return refuse(
        'PLAN_STALE',
        'planId',
        'intent or health has changed since the plan was made: simulate again and look at it',
      );
    const failover: Failover = {
      kind: 'failover',
      id: context.newId(),
      from: plan.request.from,
      services: plan.services.map(({ service }) => service),
      percent: plan.request.percent,
      scope: plan.request.scope,
      owner: context.actor,
      reason: context.reason,
      ...{ createdAt: context.now, expiresAt: plan.request.expiresAt },
    };
    const operation = startOperation(snapshot, context, 'EXECUTE_FAILOVER', `failover:${failover.id}`);
    const stays = plan.services.filter(({ noAlternative }) => noAlternative).map(({ service }) => service);
    const writes = [
      { put: failover, id: failover.id, expected: 0 },
      { put: operation, id: operation.id, expected: 0 },
    ];
    const warnings = stays.length > 0 ? [`${stays.join(', ')} have no alternative and stay`] : [];
    return ok({ subject: `failover/${failover.id}`, writes, payload: { failover, operation }, warnings });
  },
});

/** Takes a failover's layer away; policies that were edited meanwhile stay as they are. */
export const undoFailover: Command<{ id: string }, FailoverPayload> = {
  name: 'undoFailover',
  decide(snapshot, { id }, context) {
    const stored = snapshot.intent.failovers.get(id);
    if (!stored) return refuse('NOT_FOUND', 'id', `no failover '${id}' is in force`);
    const stale = checkRevision(context, stored.revision, `failover ${id}`);
    if (stale) return { ok: false, error: [stale] };
    const operation = startOperation(snapshot, context, 'UNDO_FAILOVER', `failover:${id}`);
    const writes = [
      { remove: 'failover' as const, id, expected: stored.revision },
      { put: operation, id: operation.id, expected: 0 },
    ];
    return ok({ subject: `failover/${id}`, writes, payload: { failover: null, operation }, warnings: [] });
  },
};
