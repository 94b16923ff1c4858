import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { weightCap } from '@isthmus/api/domain/limits.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { Group } from '@isthmus/mesh/balance/shares.ts';
import { capped } from '@isthmus/mesh/balance/weight-cap.ts';
import { gatewaysFor } from '@isthmus/mesh/balance/gateways-for.ts';
import { usableGateways } from '../policy/gateways.ts';
import type { Now } from '../state/now.ts';

export type ClusterGroup = Group & Pick<EndpointGroup, 'transport'>;

/** A service in one of the members that have it. */
export interface HeldService {
  readonly cluster: ClusterName;
  readonly isExported: boolean;
  /** As the cluster's own clients choose among them. */
  readonly own: readonly ClusterGroup[];
  /** As clients of other clusters weigh them: those that can be entered for. None where it is not exported. */
  readonly forOthers: readonly ClusterGroup[];
}

/** A service in every member that has it, found by the index. */
export function heldBy(now: Now, service: ServiceKey): readonly HeldService[] {
  const exporters = now.index.exports.exporters(service);
  return [...now.index.exports.holders(service)].map(([cluster, { groups }]) => {
    const isExported = exporters.has(cluster);
    const inCluster = (group: EndpointGroup): ClusterGroup => ({ ...group, cluster });
    return {
      cluster,
      isExported,
      own: groups.map(inCluster),
      forOthers: isExported ? enterable(now, cluster, groups).map(inCluster) : [],
    };
  });
}

function enterable(
  now: Now,
  cluster: ClusterName,
  groups: readonly EndpointGroup[],
): readonly EndpointGroup[] {
  const record = now.observed.get(cluster);
  const gateways = record ? usableGateways(now, record) : [];
  return capped(groups, weightCap).filter(({ transport }) => gatewaysFor(transport, gateways).length > 0);
}

/**
 * Endpoints of a service as a cluster's clients can have them: their own, and those that others export and can be
 * entered for, unless the cluster has a service of that name to itself. What agents give their proxies, no more.
 */
export function groupsFor(held: readonly HeldService[], client: ClusterName): readonly ClusterGroup[] {
  const own = held.find(({ cluster }) => cluster === client);
  if (own && !own.isExported) return own.own;
  return held.flatMap((one) => (one === own ? one.own : one.forOthers));
}
