import type { Cluster, ClusterState } from '@isthmus/api/domain/cluster.ts';
import type { Shard } from './observed.ts';

/** One word for three facts, for display only: the gravest first. */
export function clusterState(cluster: Cluster, shard: Shard | undefined): ClusterState {
  if (cluster.admission === 'REVOKED') return 'REVOKED';
  if (cluster.admission === 'PENDING') return 'PENDING';
  if (shard?.link.kind !== 'CONNECTED') return 'UNREACHABLE';
  if (cluster.drainPercent === 100) return 'DRAINED';
  if (cluster.drainPercent > 0) return 'DRAINING';
  return shard.synced ? 'ACTIVE' : 'PENDING';
}
