import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { Now } from '../state/now.ts';

/** A failback moves traffic in four parts, so that a cluster that cannot take the load yet is not overloaded. */
const step = 25;
export const stepMillis = 3000;

/** The failover after the step that is due, null when it has returned altogether, undefined while nothing is due. */
export function nextFailbackStep(
  failover: Failover,
  snapshot: Now,
  now: number,
): Failover | null | undefined {
  const { returning } = failover;
  if (!returning || now < returning.steppedAt + stepMillis) return undefined;
  if (notReady(failover, snapshot).length > 0) return undefined;
  const left = returning.left - step;
  return left > 0 ? { ...failover, returning: { left, steppedAt: now } } : null;
}

/** The failover as its failback begins: the first part moves at once, if a cluster is ready for it. */
export function beginFailback(failover: Failover, snapshot: Now, now: number): Failover {
  const left = notReady(failover, snapshot).length > 0 ? 100 : 100 - step;
  return { ...failover, returning: { left, steppedAt: now } };
}

/**
 * Clusters that nothing returns to now: away, or without a healthy endpoint. Counts of before the cluster's link began
 * are of before its outage, or of an earlier life of the hub, and prove nothing. One that is drained gets nothing anyway.
 */
export function notReady({ clusters, services }: Failover, { intent, observed }: Now): readonly string[] {
  return clusters.filter((name) => {
    const member = intent.clusters.get(name)?.value;
    if (member?.admission !== 'ADMITTED' || member.drainPercent === 100) return false;
    const record = observed.get(name);
    const isHealthy = services.some((service) =>
      record?.health.get(service)?.some(({ healthy }) => healthy > 0),
    );
    return record?.link.kind !== 'CONNECTED' || !record.counted || !isHealthy;
  });
}
