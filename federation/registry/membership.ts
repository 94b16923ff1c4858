import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command } from '../command/command.ts';
import { checkRevision } from '../command/expected.ts';
import { refuse } from '../command/refuse.ts';
import { warning } from '../command/warning.ts';
import { startOperation } from '../failover/operation.ts';
import type { Write } from '../store/store.ts';
import { voidTokens } from './join-tokens.ts';
import { auditSubject } from '../command/audit-subject.ts';

export interface ClusterPayload {
  readonly cluster: string;
  readonly operation?: Operation;
}

/** Ends a cluster's membership at once: its streams, its tokens, its intermediates and its place at every peer. */
export const revokeCluster: Command<{ cluster: string }, ClusterPayload> = {
  name: 'revokeCluster',
  subject: ({ cluster }) => auditSubject('cluster', cluster),
  decide(snapshot, { cluster }, context) {
    const stored = snapshot.intent.clusters.get(cluster);
    if (!stored)
      return refuse('NOT_FOUND', 'cluster', `no cluster '${cluster}' is known: isthmus clusters lists them`);
    const stale = checkRevision(context, stored.revision, `cluster ${cluster}`);
    if (stale) return { ok: false, error: [stale] };
    if (stored.value.admission === 'REVOKED')
      return refuse('CONFLICT', 'cluster', `${cluster} is revoked already`);
    const revoked: Cluster = { ...stored.value, admission: 'REVOKED' };
    const intermediates = [...snapshot.intent.intermediates.values()]
      .filter(({ value }) => value.cluster === cluster)
      .map(({ id, value, revision }): Write => ({
        put: { ...value, revoked: true },
        id,
        expected: revision,
      }));
    const { operation, writes: operations } = startOperation(snapshot, context, 'REVOKE_CLUSTER', cluster, [
      cluster,
    ]);
    const writes: Write[] = [
      { put: revoked, id: cluster, expected: stored.revision },
      ...intermediates,
      ...voidTokens(snapshot, cluster),
      ...operations,
    ];
    const services = [...(snapshot.observed.get(cluster)?.services.values() ?? [])].length;
    const warnings = [
      warning(
        'SERVICES_LEAVE',
        'cluster',
        `peers close their tunnels to ${cluster} and refuse its certificates; ${services} services of it leave the federation`,
      ),
    ];
    return ok({
      subject: auditSubject('cluster', cluster),
      writes,
      payload: { cluster, operation },
      warnings,
    });
  },
};

/** Forgets a cluster that is no longer a member. */
export const removeCluster: Command<{ cluster: string }, ClusterPayload> = {
  name: 'removeCluster',
  subject: ({ cluster }) => auditSubject('cluster', cluster),
  decide(snapshot, { cluster }, context) {
    const stored = snapshot.intent.clusters.get(cluster);
    if (!stored)
      return refuse('NOT_FOUND', 'cluster', `no cluster '${cluster}' is known: isthmus clusters lists them`);
    const stale = checkRevision(context, stored.revision, `cluster ${cluster}`);
    if (stale) return { ok: false, error: [stale] };
    if (stored.value.admission === 'ADMITTED')
      return refuse('CONFLICT', 'cluster', `${cluster} is a member: revoke it first, then remove it`);
    // Its intermediates stay, revoked, until they expire: a leaf of theirs may still be around.
    return ok({
      subject: auditSubject('cluster', cluster),
      writes: [
        { remove: 'cluster', id: cluster, expected: stored.revision },
        ...voidTokens(snapshot, cluster),
      ],
      payload: { cluster },
      warnings: [],
    });
  },
};
