/** Virtual addresses of a cluster's block. */
export const vipCount = 12 * 248;
/** All services that only other clusters have: the rest is for this cluster's own. */
export const mostRemote = (vipCount * 3) / 4;
/** Those of one other cluster. */
export const mostOfOne = vipCount / 2;

/** Clusters in order of their names, by the key of a service that they have and this cluster does not. */
export type RemoteOnly = ReadonlyMap<string, readonly string[]>;

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
  use.total < mostRemote / 2
    ? mostOfOne
    : Math.min(mostOfOne, Math.floor(mostRemote / Math.max(1, clusters)));

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
  readonly #refused = new Map<string, Address & { readonly cluster: string }>();
  #offers: RemoteOnly = new Map();
  #clusters = 0;

  constructor(saved: Readonly<Record<string, string>> = {}) {
    this.#clusterOf = new Map(Object.entries(saved));
    for (const cluster of this.#clusterOf.values()) this.#count(cluster, 1);
  }

  /** What other clusters alone have now. `isOwn`: this cluster has the service too, or alone. */
  update(offers: RemoteOnly, isOwn: (service: string) => boolean, held: Iterable<Address>): void {
    this.#offers = offers;
    this.#clusters = new Set([...offers.values()].flat()).size;
    for (const { owner, service } of held) {
      const clusters = offers.get(service) ?? [];
      const counted = this.#clusterOf.get(owner);
      if (isOwn(service)) this.#uncount(owner);
      else if (counted === undefined || (clusters.length > 0 && !clusters.includes(counted))) {
        this.#uncount(owner);
        if (clusters[0] !== undefined) this.#take(owner, clusters[0]);
      }
    }
    for (const [owner, { service }] of this.#refused) if (!offers.has(service)) this.#refused.delete(owner);
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
    if (cluster === undefined) this.#refused.set(owner, { owner, service, cluster: first });
    else {
      this.#refused.delete(owner);
      this.#take(owner, cluster);
    }
    return cluster !== undefined;
  }

  /** The address is free again, or was not given after all. */
  release(owner: string): void {
    this.#uncount(owner);
  }

  /** The service that needed an address is gone. */
  forget(isThere: (owner: string) => boolean): void {
    for (const owner of this.#refused.keys()) if (!isThere(owner)) this.#refused.delete(owner);
  }

  /** Ordered by cluster. */
  get refusals(): readonly ShareRefusal[] {
    const byCluster = Map.groupBy(this.#refused.values(), ({ cluster }) => cluster);
    return [...byCluster]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([cluster, refused]) => ({
        cluster,
        services: [...new Set(refused.map(({ service }) => service))].sort(),
        addresses: refused.length,
        bound: boundOf(this.#use, this.#clusters),
      }));
  }

  saved(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#clusterOf);
  }

  get #use(): RemoteUse {
    return { total: this.#clusterOf.size, of: (cluster) => this.#used.get(cluster) ?? 0 };
  }

  #hasRoom(cluster: string): boolean {
    const use = this.#use;
    return use.total < mostRemote && use.of(cluster) < boundOf(use, this.#clusters);
  }

  #take(owner: string, cluster: string): void {
    this.#clusterOf.set(owner, cluster);
    this.#count(cluster, 1);
  }

  #uncount(owner: string): void {
    const cluster = this.#clusterOf.get(owner);
    if (cluster !== undefined && this.#clusterOf.delete(owner)) this.#count(cluster, -1);
  }

  #count(cluster: string, by: number): void {
    this.#used.set(cluster, (this.#used.get(cluster) ?? 0) + by);
  }
}
