import type { Cluster, ClusterState } from '@isthmus/api/domain/cluster.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';

/** One word for three facts, for display only: the gravest first. */
export function clusterState(cluster: Cluster, record: ClusterRecord | undefined): ClusterState {
  if (cluster.admission === 'REVOKED') return 'REVOKED';
  if (cluster.admission === 'PENDING') return 'PENDING';
  if (record?.link.kind !== 'CONNECTED') return 'UNREACHABLE';
  if (cluster.drainPercent === 100) return 'DRAINED';
  if (cluster.drainPercent > 0) return 'DRAINING';
  return record.synced ? 'ACTIVE' : 'PENDING';
}
