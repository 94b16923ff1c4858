import type { Service, Scope } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';

/**
 * How near an endpoint is to a client by a service's routing preference: the number of leading scopes that match,
 * stopping at the first that does not. Undefined: STRICT, and not all match. Without a mode all are alike.
 */
export function rank(service: Service, client: Workload, endpoint: Workload): number | undefined {
  if (service.mode !== 'STRICT' && service.mode !== 'FAILOVER') return 0;
  const preference = service.routingPreference;
  const found = preference[0] === 'NETWORK' ? networkFirst(preference, client, endpoint) : leading(preference, client, endpoint);
  return service.mode === 'STRICT' && found < preference.length ? undefined : found;
}

function leading(preference: readonly Scope[], client: Workload, endpoint: Workload): number {
  const miss = preference.findIndex((scope) => !same(scope, client, endpoint));
  return miss < 0 ? preference.length : miss;
}

/** Upstream's special case: being in one network outweighs all else, and not being in it does not end the comparison. */
function networkFirst(preference: readonly Scope[], client: Workload, endpoint: Workload): number {
  const rest = leading(preference.slice(1), client, endpoint);
  return client.network === endpoint.network ? preference.length + rest : rest;
}

function same(scope: Scope, client: Workload, endpoint: Workload): boolean {
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
