import { createHash } from 'node:crypto';
import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import type { FailoverFrom } from '@isthmus/api/domain/failover.ts';
import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { members } from '../state/members.ts';
import type { Now } from '../state/now.ts';
import { trafficShiftsOf } from '../compile/traffic-shifts.ts';
import { heldBy, type ClusterGroup, type HeldService } from './held.ts';
import {
  clientsOf,
  concerns,
  orderOf,
  servicesIn,
  type Client,
  type LocalityOrder,
} from './service-groups.ts';

/** What was read, for people ("endpoints of shop/cart"), to the hash of what was there. */
export type Basis = ReadonlyMap<string, string>;

/** The first reading of a plan that is another one now; undefined: the plan is good. */
export function staleBy(before: Basis, now: Basis): string | undefined {
  for (const [what, hash] of before) if (now.get(what) !== hash) return what;
  return [...now.keys()].find((what) => !before.has(what));
}

/**
 * What a simulation may read. Each method notes what it gives, so a plan rests on what it has read and on nothing else:
 * there is no second list of it.
 */
export class PlanReader {
  readonly #now: Now;
  readonly #basis = new Map<string, string>();
  readonly #trafficShifts: readonly TrafficShift[];

  constructor(now: Now) {
    this.#now = now;
    this.#trafficShifts = trafficShiftsOf(now);
  }

  get basis(): Basis {
    return this.#basis;
  }

  /** Each member, with its region and zone. */
  clients(): readonly Client[] {
    const clients = clientsOf(this.#now);
    this.#note(
      'members and where they are',
      clients.map(({ cluster, region, zone }) => [cluster, region, zone]),
    );
    return clients;
  }

  /** The members that are to be left; those of a region are those with a node there. */
  leaving(from: FailoverFrom): readonly ClusterName[] {
    const all = members(this.#now);
    const isMeant = (name: ClusterName) =>
      'cluster' in from
        ? name === from.cluster
        : (this.#now.observed.get(name)?.nodes.some(({ region }) => region === from.region) ?? false);
    const leaving = all.filter(isMeant);
    this.#note(
      'cluster' in from ? `membership of ${from.cluster}` : `clusters of region ${from.region}`,
      leaving,
    );
    return leaving;
  }

  /** Exported, with endpoints. */
  services(cluster: ClusterName): readonly ServiceKey[] {
    const services = servicesIn(this.#now, cluster);
    this.#note(`services that ${cluster} exports`, services);
    return services;
  }

  /** The service in each member that has it. Counts move all the time, and are noted as some or none. */
  held(service: ServiceKey): readonly HeldService[] {
    const held = heldBy(this.#now, service);
    this.#note(
      `endpoints of ${service}`,
      held.map((one) => [one.cluster, one.isExported, shapes(one.own), shapes(one.forOthers)]),
    );
    return held;
  }

  order(service: ServiceKey): LocalityOrder {
    const order = orderOf(this.#now, service);
    this.#basis.set(`traffic policy of ${service}`, hashOf([order.localityOrder, order.regionFailover]));
    return order;
  }

  /** Drains and failovers that stand for it. */
  shifts(service: ServiceKey): readonly TrafficShift[] {
    const shifts = this.#trafficShifts.filter((one) => concerns(one, service));
    this.#note(
      `drains and failovers of ${service}`,
      shifts.map(({ id, cluster, percent, remoteOnly }) => [id, cluster, percent, remoteOnly]),
    );
    return shifts;
  }

  /** What the hub lists in no particular order is noted in one. */
  #note(what: string, list: readonly unknown[]): void {
    this.#basis.set(what, hashOf(list.map((one) => JSON.stringify(one)).sort()));
  }
}

const shapes = (groups: readonly ClusterGroup[]): readonly string[] =>
  groups
    .map(({ region, zone, transport, healthy }) => JSON.stringify([region, zone, transport, healthy > 0]))
    .sort();

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22);
