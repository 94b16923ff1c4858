import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refuse } from '../command/refuse.ts';
import { warning } from '../command/warning.ts';
import { startOperation } from './operation.ts';
import { beginFailback, nextFailbackStep, notReady } from './failback.ts';
import { staleBy } from './plan-reader.ts';
import { simulate } from './plan.ts';
import { whyItStays } from './targets.ts';
import type { Plans } from './plans.ts';
import { auditSubject } from '../command/audit-subject.ts';

export interface FailoverPayload {
  readonly failover: Failover | null;
  readonly operation: Operation;
}

/** Executes a simulated plan. Fails with PLAN_STALE if intent or health changed since it was simulated. */
export const executeFailover = (plans: Plans): Command<{ planId: string }, FailoverPayload> => ({
  name: 'executeFailover',
  subject: ({ planId }) => auditSubject('plan', planId),
  meaning: ({ planId }) => ({ plan: plans.get(planId)?.request ?? null }),
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
    const changed = again.ok ? staleBy(plan.basis, again.value.basis) : again.error[0]?.message;
    if (!again.ok || changed !== undefined)
      return refuse(
        'PLAN_STALE',
        'planId',
        `intent or health has changed since the plan was made (${changed ?? ''}): simulate again and look at it`,
      );
    const failover: Failover = {
      kind: 'failover',
      id: context.newId(),
      from: plan.request.from,
      clusters: plan.clusters,
      services: plan.services.map(({ service }) => service),
      percent: plan.request.percent,
      scope: plan.request.scope,
      owner: context.actor,
      reason: context.reason,
      createdAt: context.now,
      expiresAt: plan.request.expiresAt,
      returning: undefined,
    };
    const subject = `failover:${failover.id}`;
    const { operation, writes: operations } = startOperation(snapshot, context, 'EXECUTE_FAILOVER', subject);
    const stays = plan.services.filter(({ noAlternative }) => noAlternative).map(({ service }) => service);
    const writes = [{ put: failover, id: failover.id, expected: 0 }, ...operations];
    const warnings = [...again.value.warnings, ...whyItStays(snapshot, plan.clusters, stays)];
    return ok({
      subject: auditSubject('failover', failover.id),
      writes,
      payload: { failover, operation },
      warnings,
    });
  },
});

/**
 * Takes a failover's layer away, step by step: what it moved returns as its clusters can take the load. Policies that were
 * edited meanwhile stay as they are.
 */
export const undoFailover: Command<{ id: string }, FailoverPayload> = {
  name: 'undoFailover',
  subject: ({ id }) => auditSubject('failover', id),
  decide(snapshot, { id }, context) {
    const stored = snapshot.intent.failovers.get(id);
    if (!stored) return refuse('NOT_FOUND', 'id', `no failover '${id}' is in force`);
    const stale = checkRevision(context, stored.revision, `failover ${id}`);
    if (stale) return { ok: false, error: [stale] };
    if (stored.value.returning) return refuse('CONFLICT', 'id', `failover ${id} is being undone already`);
    const failover = beginFailback(stored.value, snapshot, context.now);
    const { operation, writes } = startOperation(snapshot, context, 'UNDO_FAILOVER', `failover:${id}`);
    const waiting = notReady(failover, snapshot);
    return ok({
      subject: auditSubject('failover', id),
      writes: [{ put: failover, id, expected: stored.revision }, ...writes],
      payload: { failover, operation },
      warnings:
        waiting.length > 0
          ? [
              warning(
                'WAITS',
                'id',
                `${waiting.join(', ')} cannot take connections back yet: the undo waits until it is reachable and healthy`,
              ),
            ]
          : [],
    });
  },
};

/** One step of the way back; the last one takes the failover away. */
export const stepFailover: Command<{ id: string }, { left: number }> = {
  name: 'stepFailover',
  decide(snapshot, { id }, { now }) {
    const stored = snapshot.intent.failovers.get(id);
    const next = stored && nextFailbackStep(stored.value, snapshot, now);
    if (!stored || next === undefined) return refuse('CONFLICT', 'id', `no step of failover ${id} is due`);
    const { revision: expected } = stored;
    return ok({
      subject: auditSubject('failover', id),
      writes: [next ? { put: next, id, expected } : { remove: 'failover', id, expected }],
      payload: { left: next?.returning?.left ?? 0 },
      warnings: [],
    });
  },
};
