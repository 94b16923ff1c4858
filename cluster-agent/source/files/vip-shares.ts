/** Virtual addresses of a cluster's block. */
export const vipCount = 12 * 248;
/** All services that only other clusters have: the rest is for this cluster's own. */
export const maxRemote = (vipCount * 3) / 4;
/** Those of one other cluster. */
export const maxOfOne = vipCount / 2;

/** How many virtual addresses services of other clusters take. */
export interface RemoteUse {
  readonly total: number;
  of(cluster: string): number;
}

/**
 * How many virtual addresses one other cluster may have by now. While all of them together take less than half of what
 * is theirs, one may have half of the block; from there on, no more than an equal share of what is theirs.
 */
export const boundOf = (use: RemoteUse, clusters: number): number =>
  use.total < maxRemote / 2 ? maxOfOne : Math.min(maxOfOne, Math.floor(maxRemote / Math.max(1, clusters)));

/** Services of one cluster that find no address as its share is used. */
export interface ShareRefusal {
  readonly cluster: string;
  readonly services: readonly string[];
  readonly addresses: number;
  /** What the cluster may have. */
  readonly bound: number;
}

interface Address {
  readonly owner: string;
  readonly service: string;
}

/**
 * To which other cluster each virtual address counts, so that none fills the block for this cluster and the others. An
 * address that is given stays given, also when shares become smaller, and counts until it is free again.
 */
export class VipShares {
  /** By owner: the cluster that it counts to. This cluster's own are not in it. */
  readonly #clusterOf: Map<string, string>;
  readonly #used = new Map<string, number>();
  /** Owners that found none, by the first cluster that has the service and by the service. */
  readonly #refused = new Map<string, Map<string, Set<string>>>();
  /** Clusters in order of their names, by the key of a service that they have and this cluster does not. */
  readonly #offers = new Map<string, readonly string[]>();
  /** How many of these services a cluster has. */
  readonly #offering = new Map<string, number>();
  #refusals: readonly ShareRefusal[] | undefined;

  constructor(saved: Readonly<Record<string, string>> = {}) {
    this.#clusterOf = new Map(Object.entries(saved));
    for (const cluster of this.#clusterOf.values()) add(this.#used, cluster, 1);
  }

  /**
   * Which other clusters alone have a service, in order of their names; none: no other has it, or this cluster has it too
   * (`isOwn`). `held`: owners of its addresses. Costs as much as these.
   */
  offer(service: string, clusters: readonly string[], isOwn: boolean, held: Iterable<string>): void {
    const before = this.#offers.get(service) ?? [];
    for (const cluster of before) add(this.#offering, cluster, -1);
    for (const cluster of clusters) add(this.#offering, cluster, 1);
    if (clusters.length > 0) this.#offers.set(service, clusters);
    else this.#offers.delete(service);
    if (before[0] !== clusters[0]) this.#moveRefused(service, before[0], clusters[0]);
    this.#refusals = undefined;
    for (const owner of held) {
      const counted = this.#clusterOf.get(owner);
      if (isOwn) this.#uncount(owner);
      else if (counted === undefined || (clusters.length > 0 && !clusters.includes(counted))) {
        this.#uncount(owner);
        if (clusters[0] !== undefined) this.#take(owner, clusters[0]);
      }
    }
  }

  /**
   * Counts a new address; false when no cluster that has the service has room. Any of them will do, so that one cannot use
   * up another's share by offering the same names.
   */
  claim({ owner, service }: Address): boolean {
    const clusters = this.#offers.get(service);
    const [first] = clusters ?? [];
    if (!clusters || first === undefined) return true;
    const cluster = clusters.find((one) => this.#hasRoom(one));
    if (cluster === undefined) {
      this.#refuse({ owner, service }, first);
      return false;
    }
    this.#admit({ owner, service }, first);
    this.#take(owner, cluster);
    return true;
  }

  /** The address is free again, or was not given after all. */
  release(owner: string): void {
    this.#uncount(owner);
  }

  /** The service that needed an address is gone. */
  forget(isThere: (owner: string) => boolean): void {
    for (const [cluster, services] of this.#refused)
      for (const [service, owners] of services)
        for (const owner of owners) if (!isThere(owner)) this.#admit({ owner, service }, cluster);
  }

  /** Of each cluster whose share is used, one that waits for an address. */
  *waiting(): Iterable<string> {
    for (const services of [...this.#refused.values()])
      for (const [owner] of services.values()) {
        if (owner !== undefined) yield owner;
        break;
      }
  }

  /** Ordered by cluster. */
  get refusals(): readonly ShareRefusal[] {
    this.#refusals ??= [...this.#refused]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([cluster, services]) => ({
        cluster,
        services: [...services.keys()].sort(),
        addresses: [...services.values()].reduce((sum, { size }) => sum + size, 0),
        bound: boundOf(this.#use, this.#offering.size),
      }));
    return this.#refusals;
  }

  saved(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#clusterOf);
  }

  get #use(): RemoteUse {
    return { total: this.#clusterOf.size, of: (cluster) => this.#used.get(cluster) ?? 0 };
  }

  #hasRoom(cluster: string): boolean {
    const use = this.#use;
    return use.total < maxRemote && use.of(cluster) < boundOf(use, this.#offering.size);
  }

  #refuse({ owner, service }: Address, cluster: string): void {
    const services = this.#refused.get(cluster) ?? new Map<string, Set<string>>();
    const owners = services.get(service) ?? new Set<string>();
    if (owners.has(owner)) return;
    this.#refused.set(cluster, services.set(service, owners.add(owner)));
    this.#refusals = undefined;
  }

  #admit({ owner, service }: Address, cluster: string): void {
    const services = this.#refused.get(cluster);
    const owners = services?.get(service);
    if (!services || !owners?.delete(owner)) return;
    if (owners.size === 0) services.delete(service);
    if (services.size === 0) this.#refused.delete(cluster);
    this.#refusals = undefined;
  }

  /** What found no address is reported under another cluster now, or under none. */
  #moveRefused(service: string, from: string | undefined, to: string | undefined): void {
    if (from === undefined) return;
    for (const owner of [...(this.#refused.get(from)?.get(service) ?? [])]) {
      this.#admit({ owner, service }, from);
      if (to !== undefined) this.#refuse({ owner, service }, to);
    }
  }

  #take(owner: string, cluster: string): void {
    this.#clusterOf.set(owner, cluster);
    add(this.#used, cluster, 1);
    this.#refusals = undefined;
  }

  #uncount(owner: string): void {
    const cluster = this.#clusterOf.get(owner);
    if (cluster === undefined || !this.#clusterOf.delete(owner)) return;
    add(this.#used, cluster, -1);
    this.#refusals = undefined;
  }
}

function add(counts: Map<string, number>, cluster: string, by: number): void {
  const count = (counts.get(cluster) ?? 0) + by;
  if (count > 0) counts.set(cluster, count);
  else counts.delete(cluster);
}
