import type { Service, Scope } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';

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
  if (mode !== 'STRICT' && mode !== 'FAILOVER') return 0;
  if (mode === 'STRICT' && !routingPreference.every((scope) => isSame(scope, client, endpoint)))
    return undefined;
  return routingPreference[0] === 'NETWORK'
    ? networkFirst(routingPreference, client, endpoint)
    : leading(routingPreference, client, endpoint);
}

function leading(preference: readonly Scope[], client: Placed, endpoint: Placed): number {
  const miss = preference.findIndex((scope) => !isSame(scope, client, endpoint));
  return miss < 0 ? preference.length : miss;
}

/** Upstream's special case: one network outweighs all else, and another network does not end the comparison. */
function networkFirst(preference: readonly Scope[], client: Placed, endpoint: Placed): number {
  const rest = leading(preference.slice(1), client, endpoint);
  return client.network === endpoint.network ? preference.length + rest : rest;
}

function isSame(scope: Scope, client: Placed, endpoint: Placed): boolean {
  switch (scope) {
    case 'REGION':
      return client.locality.region === endpoint.locality.region;
    case 'ZONE':
      return client.locality.zone === endpoint.locality.zone;
    case 'SUBZONE':
      return client.locality.subzone === endpoint.locality.subzone;
    case 'NODE':
      return client.node === endpoint.node;
    case 'CLUSTER':
      return client.cluster === endpoint.cluster;
    case 'NETWORK':
      return client.network === endpoint.network;
  }
}
