import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refuse } from '../command/refuse.ts';
import { startOperation } from '../failover/operation.ts';
import { withoutAlternative } from '../failover/service-groups.ts';
import { whyItStays } from '../failover/targets.ts';
import type { ClusterPayload } from './membership.ts';
import { auditSubject } from '../command/audit-subject.ts';

export interface Drain {
  readonly cluster: string;
  readonly percent: number;
  readonly scope: 'ALL' | 'REMOTE';
  readonly deadline: number | undefined;
}

/** Moves a share of all clients' new connections away from a cluster. Open ones stay until they end or the deadline. */
export const drainCluster: Command<Drain, ClusterPayload & { noAlternative: readonly string[] }> = {
  name: 'drainCluster',
  subject: ({ cluster }) => auditSubject('cluster', cluster),
  decide(snapshot, { cluster, percent, scope, deadline }, context) {
    if (!Number.isInteger(percent) || percent < 1 || percent > 100)
      return refuse(
        'INVALID',
        'percent',
        'percent is a whole number from 1 to 100; undrainCluster takes a drain back',
      );
    if (deadline !== undefined && deadline <= context.now)
      return refuse('INVALID', 'deadline', 'the deadline has passed');
    if (deadline !== undefined && percent < 100)
      return refuse(
        'INVALID',
        'deadline',
        'a deadline needs percent 100: with a partial drain the connections to close cannot be selected; drain by 100, or without a deadline',
      );
    const stored = snapshot.intent.clusters.get(cluster);
    if (stored?.value.admission !== 'ADMITTED')
      return refuse('NOT_FOUND', 'cluster', `no member cluster '${cluster}': isthmus clusters lists them`);
    const stale = checkRevision(context, stored.revision, `cluster ${cluster}`);
    if (stale) return { ok: false, error: [stale] };
    const noAlternative = withoutAlternative(snapshot, { cluster, percent, remoteOnly: scope === 'REMOTE' });
    const subject = auditSubject('cluster', cluster);
    const warnings = whyItStays(snapshot, [cluster], noAlternative);
    const { drainPercent, drainScope, drainDeadline } = stored.value;
    if (drainPercent === percent && drainScope === scope && drainDeadline === deadline)
      return ok({ subject, writes: [], payload: { cluster, noAlternative }, warnings });
    const drained: Cluster = {
      ...stored.value,
      drainPercent: percent,
      drainScope: scope,
      drainDeadline: deadline,
      drainedBy: { actor: context.actor, reason: context.reason, at: context.now },
    };
    const { operation, writes: operations } = startOperation(
      snapshot,
      context,
      'DRAIN_CLUSTER',
      `drain:${cluster}`,
    );
    const writes = [{ put: drained, id: cluster, expected: stored.revision }, ...operations];
    return ok({ subject, writes, payload: { cluster, operation, noAlternative }, warnings });
  },
};

export const undrainCluster: Command<{ cluster: string }, ClusterPayload> = {
  name: 'undrainCluster',
  subject: ({ cluster }) => auditSubject('cluster', cluster),
  decide(snapshot, { cluster }, context) {
    const stored = snapshot.intent.clusters.get(cluster);
    if (!stored)
      return refuse('NOT_FOUND', 'cluster', `no cluster '${cluster}' is known: isthmus clusters lists them`);
    const stale = checkRevision(context, stored.revision, `cluster ${cluster}`);
    if (stale) return { ok: false, error: [stale] };
    if (stored.value.drainPercent === 0) return refuse('CONFLICT', 'cluster', `${cluster} is not drained`);
    const back: Cluster = {
      ...stored.value,
      drainPercent: 0,
      drainScope: 'ALL',
      drainDeadline: undefined,
      drainedBy: undefined,
    };
    const { operation, writes: operations } = startOperation(
      snapshot,
      context,
      'UNDRAIN_CLUSTER',
      `drain:${cluster}`,
    );
    const writes = [{ put: back, id: cluster, expected: stored.revision }, ...operations];
    return ok({
      subject: auditSubject('cluster', cluster),
      writes,
      payload: { cluster, operation },
      warnings: [],
    });
  },
};
