import type { NamespaceObject, ServiceEntryObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { serviceKeyAt, type ServiceKey } from '../keys/names.ts';
import { distributionPreference } from './traffic-distribution.ts';

/** A host of a ServiceEntry that is in force of it. */
export interface EntryHost {
  readonly key: ServiceKey;
  readonly entry: ServiceEntryObject;
  readonly namespace: NamespaceObject | undefined;
  /** Undefined where each proxy has addresses of its own: those of the entry cannot be captured there. */
  readonly network: string | undefined;
}

/** A host of a ServiceEntry as a service, as istiod makes it (ambient/services.go). A Service of Kubernetes is preferred. */
export function entryService({ key, entry, namespace, network }: EntryHost): Service {
  const { metadata, resolution, addresses } = entry;
  const isPassed = resolution === 'NONE';
  return {
    key,
    name: metadata.name,
    namespace: metadata.namespace,
    hostname: entry.hosts.find((host) => serviceKeyAt(metadata.namespace, host) === key) ?? '',
    ports: entry.ports.map(({ port, targetPort }) => ({ servicePort: port, targetPort })),
    addresses: network === undefined ? [] : addresses.map((one) => ({ network, ...one })),
    subjectAltNames: entry.subjectAltNames,
    waypoint: undefined,
    ...(isPassed ? passed : distributionPreference({ trafficDistribution: '', metadata }, namespace)),
    healthPolicy: isPassed ? 'ALLOW_ALL' : 'ONLY_HEALTHY',
    canonical: false,
    visibility: entry.visibility,
    ipFamilies: 'AUTOMATIC',
    exported: false,
    grantedClusters: [],
    leftClusters: [],
    inClusterset: false,
  };
}

/** Connections go to the address that the client dials. */
const passed: Pick<Service, 'routingPreference' | 'mode'> = { routingPreference: [], mode: 'PASSTHROUGH' };
