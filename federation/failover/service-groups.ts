import { weightCap } from '@isthmus/api/domain/limits.ts';
import { capped } from '@isthmus/mesh/balance/weight-cap.ts';
import { usableGateways } from '../policy/gateways.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import { shares, type Diverted, type Group, type Shares } from '@isthmus/mesh/balance/shares.ts';
import { waysIn } from '@isthmus/mesh/balance/ways-in.ts';
import { holdsForItself, isExported } from '../policy/exported.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';
import { diversionsOf } from './diversions.ts';

export type ClusterGroup = Group & Pick<EndpointGroup, 'transport'>;

const members = ({ intent, observed }: Now): readonly ClusterRecord[] =>
  [...observed.values()].filter(
    ({ cluster }) => intent.clusters.get(cluster)?.value.admission === 'ADMITTED',
  );

/** Every exported service that has endpoints in a cluster. */
export function servicesIn(snapshot: Now, cluster: string): readonly string[] {
  const services = snapshot.observed.get(cluster)?.services ?? new Map<string, never>();
  return [...services]
    .filter(([, one]) => isExported(snapshot, cluster, one) && total(one.groups) > 0)
    .map(([name]) => name);
}

const total = (groups: readonly EndpointGroup[]): number =>
  groups.reduce((sum, group) => sum + group.total, 0);

/**
 * Endpoints of a service as a cluster's clients can have them: their own, and those that others export and can be
 * entered for, unless the cluster has a service of that name to itself. What agents give their proxies, no more.
 */
export function groupsFor(snapshot: Now, client: string, service: string): readonly ClusterGroup[] {
  const alone = holdsForItself(snapshot, client, service);
  return members(snapshot).flatMap((record) => {
    const { cluster, services } = record;
    const gateways = usableGateways(snapshot, record);
    const found = services.get(service);
    const own = cluster === client;
    if (!found || (!own && (alone || !isExported(snapshot, cluster, found)))) return [];
    // A cluster's own clients choose among all of its endpoints; others weigh them.
    return (own ? found.groups : capped(found.groups, weightCap))
      .filter(({ transport }) => own || waysIn(transport, gateways).length > 0)
      .map((group) => ({ ...group, cluster }));
  });
}

/** Where each member's clients of a service go, under the diversions that stand and these. */
export function sharesOf(
  snapshot: Now,
  service: string,
  added: readonly Diverted[],
): ReadonlyMap<string, Shares<ClusterGroup>> {
  const { localityOrder = [], regionFailover = [] } =
    snapshot.intent.trafficPolicies.get(service)?.value ?? {};
  const standing = diversionsOf(snapshot).filter(
    ({ services }) => services.length === 0 || services.includes(service),
  );
  const diversions = [...standing, ...added];
  return new Map(
    members(snapshot).map(({ cluster, nodes: [node] }) => {
      const client = { cluster, region: node?.region ?? '', zone: node?.zone ?? '' };
      const groups = groupsFor(snapshot, cluster, service);
      return [cluster, shares({ client, groups, diversions, localityOrder, regionFailover })];
    }),
  );
}

/** Services of a cluster, exported or not, whose clients would be sent away and have no other endpoint. */
export function withoutAlternative(snapshot: Now, drain: Diverted): readonly string[] {
  const services = snapshot.observed.get(drain.cluster)?.services ?? new Map<string, never>();
  return [...services]
    .filter(([, one]) => total(one.groups) > 0)
    .map(([name]) => name)
    .filter((name) =>
      [...sharesOf(snapshot, name, [drain]).values()].some(({ noAlternative }) =>
        noAlternative.includes(drain.cluster),
      ),
    );
}
