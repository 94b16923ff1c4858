import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import { shares, type Diverted, type Shares } from '@isthmus/mesh/balance/shares.ts';
import type { Now } from '../state/now.ts';
import { trafficShiftsOf } from '../compile/traffic-shifts.ts';
import { groupsFor, heldBy, type ClusterGroup, type HeldService } from './held.ts';

/** A member whose clients call services, and where it is: where its first node is. */
export interface Client {
  readonly cluster: ClusterName;
  readonly region: string;
  readonly zone: string;
}

/** What is near, of a service's traffic policy. */
export type LocalityOrder = Pick<TrafficPolicy, 'localityOrder' | 'regionFailover'>;

/** What the shares of a service follow from. */
export interface ShareInput {
  readonly clients: readonly Client[];
  readonly held: readonly HeldService[];
  readonly order: LocalityOrder;
  readonly trafficShifts: readonly Diverted[];
}

export const clientsOf = ({ intent, observed }: Now): readonly Client[] =>
  [...observed.values()]
    .filter(({ cluster }) => intent.clusters.get(cluster)?.value.admission === 'ADMITTED')
    .map(({ cluster, nodes: [node] }) => ({ cluster, region: node?.region ?? '', zone: node?.zone ?? '' }));

export const orderOf = ({ intent }: Now, service: ServiceKey): LocalityOrder => {
  const policy = intent.trafficPolicies.get(service)?.value;
  return { localityOrder: policy?.localityOrder ?? [], regionFailover: policy?.regionFailover ?? [] };
};

export const total = (groups: readonly Pick<EndpointGroup, 'total'>[]): number =>
  groups.reduce((sum, group) => sum + group.total, 0);

/** Every exported service that has endpoints in a cluster. */
export function servicesIn({ observed, index }: Now, cluster: ClusterName): readonly ServiceKey[] {
  const services = observed.get(cluster)?.services ?? new Map<ServiceKey, never>();
  return [...services]
    .filter(([key, one]) => index.exports.exporters(key).has(cluster) && total(one.groups) > 0)
    .map(([key]) => key);
}

/**
 * Clients for which the shares of a service are the same: one that has the service is alone in its class, and all others
 * of one region and zone are one class, as nothing else of them counts.
 */
export function classesOf({
  clients,
  held,
}: Pick<ShareInput, 'clients' | 'held'>): readonly (readonly Client[])[] {
  const holders = new Set(held.map(({ cluster }) => cluster));
  const classes: Client[][] = [];
  const places = new Map<string, Map<string, Client[]>>();
  for (const client of clients) {
    const zones = places.get(client.region) ?? new Map<string, Client[]>();
    places.set(client.region, zones);
    const known = holders.has(client.cluster) ? undefined : zones.get(client.zone);
    if (known) known.push(client);
    else {
      const one = [client];
      classes.push(one);
      if (!holders.has(client.cluster)) zones.set(client.zone, one);
    }
  }
  return classes;
}

/** Where the clients of each class go. */
export const sharesByClass = (
  input: ShareInput,
): readonly (readonly [readonly Client[], Shares<ClusterGroup>])[] =>
  classesOf(input).flatMap((clients) => {
    const [client] = clients;
    if (!client) return [];
    const groups = groupsFor(input.held, client.cluster);
    const { trafficShifts, order } = input;
    return [[clients, shares({ client, groups, trafficShifts, ...order })] as const];
  });

/** Where each client goes, in the order of the clients. */
export function sharesOf(input: ShareInput): ReadonlyMap<ClusterName, Shares<ClusterGroup>> {
  const found = new Map(
    sharesByClass(input).flatMap(([clients, one]) => clients.map(({ cluster }) => [cluster, one] as const)),
  );
  return new Map(
    input.clients.flatMap(({ cluster }) => {
      const one = found.get(cluster);
      return one ? [[cluster, one] as const] : [];
    }),
  );
}

/** Services of a cluster, exported or not, whose clients would be sent away and have no other endpoint. */
export function withoutAlternative(now: Now, drain: Diverted): readonly ServiceKey[] {
  const services = now.observed.get(drain.cluster)?.services ?? new Map<ServiceKey, never>();
  const clients = clientsOf(now);
  const standing = trafficShiftsOf(now);
  return [...services]
    .filter(([, one]) => total(one.groups) > 0)
    .map(([service]) => service)
    .filter((service) => {
      const trafficShifts = [...standing.filter((one) => concerns(one, service)), drain];
      const input = { clients, held: heldBy(now, service), order: orderOf(now, service), trafficShifts };
      return sharesByClass(input).some(([, { noAlternative }]) => noAlternative.includes(drain.cluster));
    });
}

/** A traffic shift that names no service is of all. */
export const concerns = (
  { services }: { readonly services: readonly string[] },
  service: ServiceKey,
): boolean => services.length === 0 || services.includes(service);
