import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { Group } from '@isthmus/mesh/balance/shares.ts';
import { isExported } from '../policy/exported.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

export type ClusterGroup = Group & Pick<EndpointGroup, 'transport'>;

/** Healthy endpoints of one service in all member clusters that export it. */
export function groupsOf(snapshot: FederationSnapshot, service: string): readonly ClusterGroup[] {
  return [...snapshot.observed.values()]
    .filter(({ cluster }) => snapshot.intent.clusters.get(cluster)?.value.admission === 'ADMITTED')
    .flatMap(({ cluster, services }) => {
      const found = services.get(service);
      return found && isExported(snapshot, cluster, found)
        ? found.groups.map((group) => ({ ...group, cluster }))
        : [];
    });
}

/** Every exported service that has endpoints in a cluster. */
export function servicesIn(snapshot: FederationSnapshot, cluster: string): readonly string[] {
  const services = snapshot.observed.get(cluster)?.services ?? new Map<string, never>();
  return [...services]
    .filter(([, one]) => isExported(snapshot, cluster, one) && total(one.groups) > 0)
    .map(([name]) => name);
}

const total = (groups: readonly EndpointGroup[]): number =>
  groups.reduce((sum, group) => sum + group.total, 0);

/** Services of a cluster, exported or not, that have endpoints there and healthy ones nowhere else. */
export function withoutAlternative(snapshot: FederationSnapshot, cluster: string): readonly string[] {
  const services = snapshot.observed.get(cluster)?.services ?? new Map<string, never>();
  return [...services]
    .filter(([, one]) => total(one.groups) > 0)
    .filter(
      ([name]) => !groupsOf(snapshot, name).some((group) => group.cluster !== cluster && group.healthy > 0),
    )
    .map(([name]) => name);
}
