import { placeKey, type Placed } from '../balance/rank.ts';
import type { WeightedSet } from '../balance/weighted-set.ts';
import {
  PlacedEndpoints,
  RankedEndpoints,
  type EndpointGroups,
  type EndpointPlace,
} from './endpoint-groups.ts';
import type { Service, ServiceKey } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';

type Endpoints = readonly WeightedSet<Workload>[];

/** How many lists are kept, in all and of one service, for clients of different places. */
const max = { lists: 4096, ofService: 8 };

interface Kept {
  readonly service: Service;
  readonly ranked: Map<string, RankedEndpoints>;
  placed: PlacedEndpoints | undefined;
}

/**
 * The endpoints that new connections of a service may choose among, in sets to draw from. A list of sets is made when
 * it is first asked for, in E log E, and then kept: a change of one endpoint costs log E for each list of its services.
 * Beyond the most that are kept, the list that was used longest ago goes.
 */
export class EndpointSets {
  readonly #endpointsOf: (service: Service) => readonly Workload[];
  readonly #limits: typeof max;
  readonly #services = new Map<ServiceKey, Kept>();
  /** All lists of ranks and what lets go of one, the one that was used longest ago first. */
  readonly #used = new Map<RankedEndpoints, () => void>();

  constructor(endpointsOf: (service: Service) => readonly Workload[], limits = max) {
    this.#endpointsOf = endpointsOf;
    this.#limits = limits;
  }

  /** For a client of that place, nearest rank first, as `rank` says; without a client all are of one rank. */
  ranks(service: Service, client: Placed | undefined): Endpoints {
    const { ranked } = this.#kept(service);
    const key = client ? placeKey(service, client) : '';
    const list = ranked.get(key) ?? this.#filled(service, new RankedEndpoints(service, client));
    const forget = this.#used.get(list) ?? (() => ranked.delete(key));
    ranked.delete(key);
    ranked.set(key, list);
    this.#used.delete(list);
    this.#used.set(list, forget);
    if (ranked.size > this.#limits.ofService) this.#forget(ranked.values().next().value);
    if (this.#used.size > this.#limits.lists) this.#forget(this.#used.keys().next().value);
    return list.nearestFirst();
  }

  /** For a gateway: the sets of all places of a cluster that match. */
  at(
    service: Service,
    cluster: Pick<Workload, 'network' | 'cluster'>,
    matches: (place: EndpointPlace) => boolean,
  ): Endpoints {
    const kept = this.#kept(service);
    kept.placed ??= this.#filled(service, new PlacedEndpoints());
    return kept.placed.at(cluster, matches);
  }

  insert(workload: Workload): void {
    this.#each(workload, (lists) => lists.insert(workload));
  }

  remove(workload: Workload): void {
    this.#each(workload, (lists) => lists.remove(workload));
  }

  /** What ranks depend on has changed, or the service has gone: its lists are made again when they are asked for. */
  serviceChanged(key: ServiceKey): void {
    const kept = this.#services.get(key);
    for (const list of kept?.ranked.values() ?? []) this.#used.delete(list);
    this.#services.delete(key);
  }

  /** How many lists of ranks are kept. */
  get size(): number {
    return this.#used.size;
  }

  #kept(service: Service): Kept {
    const kept = this.#services.get(service.key) ?? { service, ranked: new Map(), placed: undefined };
    this.#services.set(service.key, kept);
    return kept;
  }

  #filled<G extends EndpointGroups>(service: Service, groups: G): G {
    for (const workload of this.#endpointsOf(service)) groups.insert(workload);
    return groups;
  }

  #forget(list: RankedEndpoints | undefined): void {
    if (!list) return;
    this.#used.get(list)?.();
    this.#used.delete(list);
  }

  #each(workload: Workload, visit: (lists: EndpointGroups) => void): void {
    for (const key of workload.services.keys()) {
      const kept = this.#services.get(key);
      if (!kept || !isUsable(kept.service, workload)) continue;
      for (const list of kept.ranked.values()) visit(list);
      if (kept.placed) visit(kept.placed);
    }
  }
}

/** Whether new connections of a service may choose a member of it. */
export const isUsable = ({ healthPolicy }: Pick<Service, 'healthPolicy'>, { status }: Workload): boolean =>
  healthPolicy === 'ALLOW_ALL' || status === 'HEALTHY';

/** Whether lists of endpoints that were made for one form of a service hold for another. */
export const isRankedAlike = (one: Service, other: Service): boolean =>
  one.mode === other.mode &&
  one.healthPolicy === other.healthPolicy &&
  one.routingPreference.join() === other.routingPreference.join();
