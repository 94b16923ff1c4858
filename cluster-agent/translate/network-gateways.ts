import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { Gateway } from '@isthmus/api/domain/report.ts';
import { parseWorkloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { networkGatewayUid, serviceKeyOf, type ServiceKey, type WorkloadUid } from '../keys/names.ts';
import type { Derivation } from './derivation.ts';
import { remotesInUse, servicesOfResource } from './distribution.ts';
import { networkOf } from './network.ts';
import { blank } from './workload-fields.ts';
import type { World } from './world.ts';

interface Inputs {
  readonly uid: WorkloadUid;
  readonly cluster: string;
  readonly gateway: Gateway;
}

/**
 * The gateways of other networks as workloads, so that proxies know which identity to expect there. Where several
 * remote services name one, the first of them says what it is.
 */
export const networkGateway: Derivation<WorkloadUid, Inputs, Workload> = {
  name: 'networkGateway',
  reads: new Set(['networkGateway', 'network', 'service', 'entryHost', 'hub', 'remotes']),
  keys: ({ hub }) => hub.gateways(),
  wakes(touched, forms, world) {
    switch (touched.kind) {
      case 'networkGateway':
        return [touched.uid];
      case 'network':
        return world.hub.gateways();
      case 'service':
      case 'entryHost':
      case 'remotes':
        return gatewaysOf([touched.service], world);
      case 'hub':
        return touched.type === 'grant' ? gatewaysOf(servicesOfResource(touched, forms, world), world) : [];
      default:
        return [];
    }
  },
  inputs(uid, world) {
    const own = networkOf(world.view);
    for (const remote of world.hub.remotesNaming(uid)) {
      if (!isInUse(remote, world)) continue;
      const gateway = remote.gateways.find((one) => networkGatewayUid(one) === uid);
      if (!gateway || gateway.network === own || gateway.hbonePort === 0) continue;
      if (parseWorkloadIdentity(gateway.spiffeId).ok) return { uid, cluster: remote.cluster, gateway };
    }
    return undefined;
  },
  derive({ uid, cluster, gateway }) {
    const identity = parseWorkloadIdentity(gateway.spiffeId);
    if (!identity.ok) throw new Error('a gateway without an identity has no inputs');
    return {
      ...blank,
      uid,
      name: 'eastwest-gateway',
      namespace: identity.value.namespace,
      serviceAccount: identity.value.serviceAccount,
      trustDomain: identity.value.trustDomain,
      addresses: [gateway.address],
      network: gateway.network,
      cluster,
      locality: { region: gateway.region, zone: gateway.zone, subzone: '' },
      transport: 'hbone',
      workloadName: 'eastwest-gateway',
    };
  },
  records: (name, record) => [{ part: 'workloads', name, record }],
};

const isInUse = (remote: RemoteService, world: World): boolean =>
  remotesInUse(world, serviceKeyOf(remote)).length > 0;

function* gatewaysOf(services: Iterable<ServiceKey>, { hub }: World): Iterable<WorkloadUid> {
  for (const service of services)
    for (const { gateways } of hub.remotesOf(service))
      for (const one of gateways) yield networkGatewayUid(one);
}
