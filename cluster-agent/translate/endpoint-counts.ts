import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { Change } from '../keys/change-set.ts';
import type { PodKey, ServiceKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { Fold } from './derivation.ts';
import type { Place, PodEndpoint } from './endpoint.ts';
import type { SliceEndpoints } from './slices.ts';
import type { WrittenEndpoints } from './written-workloads.ts';

/** One endpoint as it counts for one service. */
interface Counted {
  readonly place: Place;
  readonly healthy: boolean;
  readonly identity: string | undefined;
}

interface Group {
  readonly place: Place;
  total: number;
  healthy: number;
}

/** Endpoints of one service. */
class Counts {
  readonly #groups = new Map<string, Group>();
  readonly #identities = new Map<string, number>();
  /** Undefined when it has to be made again. */
  #sorted: readonly EndpointGroup[] | undefined = [];

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  /** In the order of place and transport; the same list while nothing changes. */
  get groups(): readonly EndpointGroup[] {
    this.#sorted ??= [...this.#groups]
      .sort(([a], [b]) => compareText(a, b))
      .map(([, { place, total, healthy }]) => ({ ...place, total, healthy }));
    return this.#sorted;
  }

  /** SPIFFE IDs of the pods behind it, sorted. */
  get identities(): readonly string[] {
    return [...this.#identities.keys()].sort();
  }

  count({ place, healthy, identity }: Counted, by: 1 | -1): void {
    const { region, zone, transport, hboneOnly } = place;
    const key = [region, zone, transport, hboneOnly].join('/');
    const group = this.#groups.get(key) ?? { place, total: 0, healthy: 0 };
    group.total += by;
    if (healthy) group.healthy += by;
    if (group.total > 0) this.#groups.set(key, group);
    else this.#groups.delete(key);
    this.#sorted = undefined;
    if (identity === undefined) return;
    const pods = (this.#identities.get(identity) ?? 0) + by;
    if (pods > 0) this.#identities.set(identity, pods);
    else this.#identities.delete(identity);
  }
}

type Contribution = readonly (readonly [ServiceKey, Counted])[];

/** The endpoints of each service, kept by difference: a pod that changes costs as much as there are services of it. */
export class EndpointCounts {
  readonly #services = new Map<ServiceKey, Counts>();

  readonly ofPods: Fold<PodKey, PodEndpoint> = {
    take: (_pod, change) => this.#take(change, contributionOf),
  };

  readonly ofSlices: Fold<string, SliceEndpoints> = {
    take: (_slice, change) =>
      this.#take(change, ({ service, endpoints }) => endpoints.map((one) => [service, one])),
  };

  /** Endpoints that somebody wrote down. */
  readonly ofWritten: Fold<string, WrittenEndpoints> = {
    take: (_name, change) => this.#take(change, ({ endpoints }) => endpoints),
  };

  groups(service: ServiceKey): readonly EndpointGroup[] {
    return this.#services.get(service)?.groups ?? none;
  }

  identities(service: ServiceKey): readonly string[] {
    return this.#services.get(service)?.identities ?? [];
  }

  #take<T extends object>({ before, after }: Change<T>, read: (output: T) => Contribution): Touched[] {
    const touched = new Set<ServiceKey>();
    const was = before ? read(before) : [];
    const is = after ? read(after) : [];
    for (const [service, counted] of was) this.#count(touched, service, counted, -1);
    for (const [service, counted] of is) this.#count(touched, service, counted, 1);
    return [...touched].map((service) => {
      if (this.#services.get(service)?.isEmpty) this.#services.delete(service);
      return { kind: 'groups', service };
    });
  }

  #count(touched: Set<ServiceKey>, service: ServiceKey, counted: Counted, by: 1 | -1): void {
    const counts = this.#services.get(service) ?? new Counts();
    this.#services.set(service, counts);
    counts.count(counted, by);
    touched.add(service);
  }
}

const none: readonly EndpointGroup[] = [];

/** A pod that has none of the service's ports cannot be reached as its endpoint. */
const contributionOf = ({ place, healthy, identity, services, untaken }: PodEndpoint): Contribution => [
  ...Array.from(services.keys(), (service) => [service, { place, identity, healthy }] as const),
  ...untaken.map((service) => [service, { place, identity, healthy: false }] as const),
];
