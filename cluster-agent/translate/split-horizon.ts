import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { Gateway } from '@isthmus/api/domain/report.ts';
import { gatewaysFor } from '@isthmus/mesh/balance/gateways-for.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import type { Weighted } from './distribution.ts';
import { blank } from './workload-fields.ts';

/** Entries that stand for endpoints behind a gateway, one per gateway, place and transport. */
export const splitHorizon = (trustDomain: TrustDomain, entries: readonly Weighted[]): readonly Workload[] =>
  entries.flatMap(({ remote, group, capacity }) => {
    const gateways = gatewaysFor(group.transport, remote.gateways);
    const each = Math.max(1, Math.round(capacity / gateways.length));
    return gateways.map((gateway) => entryOf(trustDomain, remote, group, gateway, each));
  });

const kind = 'SplitHorizonWorkload';

/** Whether a uid is that of an entry for one of these services, also when the entry is gone; without services: for any. */
export const isEntryOf = (uid: string, services: readonly ServiceKey[]): boolean =>
  uid.includes(`/${kind}/`) &&
  (services.length === 0 || services.some((service) => uid.includes(`/${service}/`)));

function entryOf(
  trustDomain: TrustDomain,
  remote: RemoteService,
  group: EndpointGroup,
  gateway: Gateway,
  capacity: number,
): Workload {
  const { namespace, name, hostname } = remote;
  const place = [group.region, group.zone, group.transport, ...(group.hboneOnly ? ['only'] : [])].join('/');
  return {
    ...blank,
    uid: `${gateway.network}/${kind}/${remote.cluster}/${gateway.address}/${namespace}/${hostname}/${place}`,
    name: `${name}-${remote.cluster}`,
    namespace,
    network: gateway.network,
    cluster: remote.cluster,
    workloadName: name,
    canonicalName: name,
    locality: { region: group.region, zone: group.zone, subzone: '' },
    trustDomain,
    transport: group.transport,
    capacity,
    networkGateway: {
      kind: 'address',
      network: gateway.network,
      address: gateway.address,
      hbonePort: gateway.hbonePort,
    },
    services: new Map([
      [serviceKeyOf(remote), remote.ports.map(({ port, targetPort }) => ({ servicePort: port, targetPort }))],
    ]),
    // Its own cluster says whether its pods terminate Istio mTLS: exported ones do, where the proxies are ours.
    classicClients: group.hboneOnly !== true,
    subjectAltNames: remote.subjectAltNames,
    passthroughPort: gateway.passthroughPort,
  };
}
