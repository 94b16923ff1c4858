import type { NamespaceObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';

export type TrafficDistribution = 'ANY' | 'SAME_ZONE' | 'SAME_NODE';

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
  { trafficDistribution, metadata }: ServiceObject,
  namespace: NamespaceObject | undefined,
): TrafficDistribution {
  const field = words[trafficDistribution.toLowerCase()];
  if (field !== undefined && isExact(trafficDistribution)) return field;
  const written = metadata.annotations[annotation] || namespace?.metadata.annotations[annotation] || '';
  return words[written.toLowerCase()] ?? 'ANY';
}

/** The field is an enumeration: its case counts. */
const isExact = (text: string): boolean => /^Prefer(Close|SameZone|SameNode)$/.test(text);
