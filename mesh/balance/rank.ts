import type { Service, Scope } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';

/** What is compared of a client and an endpoint. */
export type Placed = Pick<Workload, 'locality' | 'node' | 'cluster' | 'network'>;

/**
 * How near an endpoint is to a client by a service's routing preference: the number of leading scopes that match,
 * stopping at the first that does not. Undefined: STRICT, and not all match. Without a mode all are alike. An empty
 * place equals only an empty one.
 */
export function rank(
  { mode, routingPreference }: Pick<Service, 'mode' | 'routingPreference'>,
  client: Placed,
  endpoint: Placed,
): number | undefined {
  if (!isRanked(mode)) return 0;
  if (mode === 'STRICT' && !routingPreference.every((scope) => isSame(scope, client, endpoint)))
    return undefined;
  return routingPreference[0] === 'NETWORK'
    ? networkFirst(routingPreference, client, endpoint)
    : leading(routingPreference, client, endpoint);
}

/** Alike for two clients to which a service's endpoints have the same ranks, as far as their places alone tell. */
export const placeKey = (
  { mode, routingPreference }: Pick<Service, 'mode' | 'routingPreference'>,
  client: Placed,
): string => JSON.stringify(isRanked(mode) ? routingPreference.map((scope) => partOf(scope, client)) : []);

const isRanked = (mode: Service['mode']): boolean => mode === 'STRICT' || mode === 'FAILOVER';

function leading(preference: readonly Scope[], client: Placed, endpoint: Placed): number {
  const miss = preference.findIndex((scope) => !isSame(scope, client, endpoint));
  return miss < 0 ? preference.length : miss;
}

/** Upstream's special case: one network outweighs all else, and another network does not end the comparison. */
function networkFirst(preference: readonly Scope[], client: Placed, endpoint: Placed): number {
  const rest = leading(preference.slice(1), client, endpoint);
  return client.network === endpoint.network ? preference.length + rest : rest;
}

const isSame = (scope: Scope, client: Placed, endpoint: Placed): boolean =>
  partOf(scope, client) === partOf(scope, endpoint);

function partOf(scope: Scope, { locality, node, cluster, network }: Placed): string {
  switch (scope) {
    case 'REGION':
      return locality.region;
    case 'ZONE':
      return locality.zone;
    case 'SUBZONE':
      return locality.subzone;
    case 'NODE':
      return node;
    case 'CLUSTER':
      return cluster;
    case 'NETWORK':
      return network;
  }
}
