import type { ServiceKey } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';

/** What is asked of members; what is absent may be anything. */
export interface Where {
  readonly cluster?: string;
  readonly network?: string;
}

/** Without those that are 0. */
type Counts = Map<string, number>;

interface Members {
  readonly byNetwork: Counts;
  /** By cluster, and there by network. */
  readonly byCluster: Map<string, Counts>;
}

const noMembers = (): Members => ({ byNetwork: new Map(), byCluster: new Map() });

/** How many members each service has of each network, and of each cluster. */
export class Backing {
  readonly #services = new Map<ServiceKey, Members>();

  /** Counts a workload once for each service of it; `by` is 1 when it comes and -1 when it goes. */
  count({ services, cluster, network }: Workload, by: 1 | -1): void {
    for (const key of services.keys()) {
      const members = this.#services.get(key) ?? noMembers();
      const ofCluster = members.byCluster.get(cluster) ?? (new Map() as Counts);
      change(members.byNetwork, network, by);
      change(ofCluster, network, by);
      keep(members.byCluster, cluster, ofCluster, ofCluster.size > 0);
      keep(this.#services, key, members, members.byNetwork.size > 0);
    }
  }

  isAny(key: ServiceKey, { cluster, network }: Where): boolean {
    const members = this.#services.get(key);
    const counts = cluster === undefined ? members?.byNetwork : members?.byCluster.get(cluster);
    return counts !== undefined && (network === undefined || counts.has(network));
  }
}

function change(counts: Counts, name: string, by: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + by;
  keep(counts, name, count, count > 0);
}

function keep<V>(map: Map<string, V>, key: string, value: V, isKept: boolean): void {
  if (isKept) map.set(key, value);
  else map.delete(key);
}
