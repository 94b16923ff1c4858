import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { inOwnNetwork, joinedBefore } from '../policy/gateways.ts';
import type { GatewayOwnersIndex } from '../state/indexes.ts';
import type { Now } from '../state/now.ts';

const nobody: ReadonlySet<never> = new Set<never>();

/** Claims are few: an address that two members report is a mistake, or an attempt. */
export class GatewayOwners implements GatewayOwnersIndex {
  /** By address: the members that report it for the network that they were admitted for. */
  readonly #claims = new Map<string, Set<ClusterName>>();
  readonly #claimed = new Map<ClusterName, ReadonlySet<string>>();
  readonly #owners = new Map<string, ClusterName>();

  owner(address: string): ClusterName | undefined {
    return this.#owners.get(address);
  }

  claimants(address: string): ReadonlySet<ClusterName> {
    return this.#claims.get(address) ?? nobody;
  }

  get size(): number {
    return this.#claims.size + this.#claimed.size + this.#owners.size;
  }

  /** Reads the gateways of one cluster again. Gives the clusters that gain or lose an address. */
  update(now: Now, cluster: ClusterName): ReadonlySet<ClusterName> {
    const record = now.observed.get(cluster);
    const addresses = new Set(record ? inOwnNetwork(now, record).map(({ address }) => address) : []);
    const before = this.#claimed.get(cluster) ?? new Set<string>();
    if (addresses.size > 0) this.#claimed.set(cluster, addresses);
    else this.#claimed.delete(cluster);
    const affected = new Set<ClusterName>();
    for (const address of new Set([...before, ...addresses])) {
      this.#claim(address, cluster, addresses.has(address));
      const [old, owner] = [this.#owners.get(address), this.#first(now, address)];
      if (owner === undefined) this.#owners.delete(address);
      else this.#owners.set(address, owner);
      if (old === owner) continue;
      for (const one of [old, owner]) if (one !== undefined) affected.add(one);
    }
    return affected;
  }

  #claim(address: string, cluster: ClusterName, isClaimed: boolean): void {
    const claims = this.#claims.get(address) ?? new Set<ClusterName>();
    if (isClaimed) claims.add(cluster);
    else claims.delete(cluster);
    if (claims.size > 0) this.#claims.set(address, claims);
    else this.#claims.delete(address);
  }

  /** Of several members that report one address, the one that joined first. */
  #first({ intent }: Now, address: string): ClusterName | undefined {
    let first: Cluster | undefined;
    for (const name of this.#claims.get(address) ?? []) {
      const member = intent.clusters.get(name)?.value;
      if (member && (!first || joinedBefore(member, first))) first = member;
    }
    return first?.name;
  }
}
