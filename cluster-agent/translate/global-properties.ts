import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';
import { recordLimits } from '@isthmus/api/domain/limits.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { serviceKeyOf } from '../keys/names.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { isTrafficDistribution } from './traffic-distribution.ts';

/**
 * What a Service of this cluster declares to other clusters, beside its TCP ports. Its export is as old as its
 * ServiceExport, else as the Service. Of ports that the mesh does not carry only as many are said as a report may have.
 */
export function globalProperties(
  view: Pick<ClusterView, 'exportOf'>,
  service: ServiceObject,
): GlobalProperties {
  const { metadata, trafficDistribution } = service;
  return {
    exportedAt: (view.exportOf(serviceKeyOf(metadata))?.metadata ?? metadata).createdAt,
    headless: service.headless,
    otherPorts: service.otherPorts.slice(0, recordLimits.portsOfService),
    affinitySeconds: service.affinitySeconds,
    internalTrafficPolicy: service.internalTrafficPolicy,
    trafficDistribution: isTrafficDistribution(trafficDistribution) ? trafficDistribution : '',
  };
}
