import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import { formatTrafficShiftId } from '@isthmus/api/domain/traffic-shift-id.ts';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { Now } from '../state/now.ts';

/** Drains and executed failovers as one thing: shares of new connections that leave a cluster. Intent alone says which. */
export const trafficShiftsOf = ({ intent }: Pick<Now, 'intent'>): readonly TrafficShift[] => [
  ...[...intent.clusters.values()].flatMap(({ value }) => drainOf(value) ?? []),
  ...[...intent.failovers.values()].flatMap(({ value }) =>
    value.clusters.flatMap((cluster) => failoverFrom(value, cluster) ?? []),
  ),
];

/** The drain of a cluster, if it is a member that is drained. */
export function drainOf(cluster: Cluster | undefined): TrafficShift | undefined {
  if (!cluster || cluster.drainPercent === 0 || cluster.admission !== 'ADMITTED') return undefined;
  return {
    id: formatTrafficShiftId({ drain: cluster.name }),
    cluster: cluster.name,
    percent: cluster.drainPercent,
    services: [],
    remoteOnly: cluster.drainScope === 'REMOTE',
    deadline: cluster.drainDeadline,
  };
}

/** What a failover takes from one of its clusters. */
export function failoverFrom(failover: Failover | undefined, cluster: string): TrafficShift | undefined {
  if (!failover?.clusters.includes(cluster)) return undefined;
  return {
    id: formatTrafficShiftId({ failover: failover.id, cluster }),
    cluster,
    services: failover.services,
    percent: Math.round((failover.percent * (failover.returning?.left ?? 100)) / 100),
    remoteOnly: failover.scope === 'REMOTE',
    deadline: undefined,
  };
}
