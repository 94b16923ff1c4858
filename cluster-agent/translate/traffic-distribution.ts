import type { NamespaceObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Scope, Service } from '@isthmus/mesh/records/service.ts';

export type TrafficDistribution = 'ANY' | 'SAME_ZONE' | 'SAME_NODE';

/** What says where its connections should stay. */
type Distributed = Pick<ServiceObject, 'trafficDistribution' | 'metadata'>;

export type Preference = Pick<Service, 'routingPreference' | 'mode'>;

export const anywhere: Preference = { routingPreference: [], mode: 'UNSPECIFIED' };
const close: readonly Scope[] = ['NETWORK', 'REGION', 'ZONE'];

const annotation = 'networking.istio.io/traffic-distribution';
const words: Readonly<Record<string, TrafficDistribution>> = {
  preferclose: 'SAME_ZONE',
  prefersamezone: 'SAME_ZONE',
  prefersamenode: 'SAME_NODE',
};

/**
 * As istiod has it (model/service.go, GetTrafficDistribution): the field, the service's annotation, that of its
 * namespace. An annotation is read whatever its case; one that is not known means no preference, and what would follow
 * it is not asked.
 */
export function trafficDistributionOf(
  { trafficDistribution, metadata }: Distributed,
  namespace: NamespaceObject | undefined,
): TrafficDistribution {
  const field = words[trafficDistribution.toLowerCase()];
  if (field !== undefined && isTrafficDistribution(trafficDistribution)) return field;
  const written = metadata.annotations[annotation] || namespace?.metadata.annotations[annotation] || '';
  return words[written.toLowerCase()] ?? 'ANY';
}

/** As what proxies know it. */
export function distributionPreference(
  service: Distributed,
  namespace: NamespaceObject | undefined,
): Preference {
  switch (trafficDistributionOf(service, namespace)) {
    case 'SAME_ZONE':
      return { routingPreference: close, mode: 'FAILOVER' };
    case 'SAME_NODE':
      return { routingPreference: [...close, 'SUBZONE', 'NODE'], mode: 'FAILOVER' };
    case 'ANY':
      return anywhere;
  }
}

/** Whether Kubernetes has this word for the field, an enumeration whose case counts. */
export const isTrafficDistribution = (text: string): boolean =>
  /^Prefer(Close|SameZone|SameNode)$/.test(text);
