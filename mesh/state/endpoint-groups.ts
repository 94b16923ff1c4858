import { rank, type Placed } from '../balance/rank.ts';
import { WeightedSet } from '../balance/weighted-set.ts';
import type { Locality } from '../records/locality.ts';
import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';

type Endpoints = WeightedSet<Workload>;

/** The endpoints of one service in sets, kept as they come and go. */
export interface EndpointGroups {
  insert(workload: Workload): void;
  remove(workload: Workload): void;
}

/** By how near they are to clients of one place; without a place all are alike. */
export class RankedEndpoints implements EndpointGroups {
  readonly #service: Service;
  readonly #client: Placed | undefined;
  /** By rank; few, as a preference has at most a handful of scopes. */
  readonly #sets: Endpoints[] = [];

  constructor(service: Service, client: Placed | undefined) {
    this.#service = service;
    this.#client = client;
  }

  insert(workload: Workload): void {
    this.#setOf(workload)?.set(workload, workload.capacity);
  }

  remove(workload: Workload): void {
    this.#setOf(workload)?.delete(workload);
  }

  /** Nearest first; none of them is empty. */
  nearestFirst(): readonly Endpoints[] {
    return this.#sets.filter((set) => set.size > 0).reverse();
  }

  #setOf(workload: Workload): Endpoints | undefined {
    const nearness = this.#client ? rank(this.#service, this.#client, workload) : 0;
    if (nearness === undefined) return undefined;
    while (this.#sets.length <= nearness) this.#sets.push(new WeightedSet());
    return this.#sets[nearness];
  }
}

/** What is alike in all endpoints of a set of `PlacedEndpoints`. */
export interface EndpointPlace extends Pick<Workload, 'transport' | 'classicClients'> {
  readonly locality: Pick<Locality, 'region' | 'zone'>;
}

interface Group extends EndpointPlace {
  readonly endpoints: Endpoints;
}

/** By network and cluster, and there by region, zone and what their proxies speak. Each endpoint is in one set. */
export class PlacedEndpoints implements EndpointGroups {
  readonly #clusters = new Map<string, Map<string, Group>>();

  insert(workload: Workload): void {
    const cluster = clusterKey(workload);
    const groups = this.#clusters.get(cluster) ?? new Map<string, Group>();
    const place = placeKey(workload);
    const group = groups.get(place) ?? groupOf(workload);
    group.endpoints.set(workload, workload.capacity);
    this.#clusters.set(cluster, groups.set(place, group));
  }

  remove(workload: Workload): void {
    const groups = this.#clusters.get(clusterKey(workload));
    const place = placeKey(workload);
    const endpoints = groups?.get(place)?.endpoints;
    if (!endpoints?.delete(workload) || endpoints.size > 0) return;
    groups?.delete(place);
    if (groups?.size === 0) this.#clusters.delete(clusterKey(workload));
  }

  /** The sets of a cluster's places that match; none of them is empty. */
  at(
    cluster: Pick<Workload, 'network' | 'cluster'>,
    matches: (place: EndpointPlace) => boolean,
  ): readonly Endpoints[] {
    const groups = this.#clusters.get(clusterKey(cluster));
    return [...(groups?.values() ?? [])].filter(matches).map(({ endpoints }) => endpoints);
  }
}

const groupOf = ({ locality, transport, classicClients }: Workload): Group => ({
  locality,
  transport,
  classicClients,
  endpoints: new WeightedSet(),
});

const clusterKey = ({ network, cluster }: Pick<Workload, 'network' | 'cluster'>): string =>
  JSON.stringify([network, cluster]);

const placeKey = ({ locality, transport, classicClients }: Workload): string =>
  JSON.stringify([locality.region, locality.zone, transport, classicClients]);
