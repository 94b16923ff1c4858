import { severities, type Condition } from '@isthmus/api/domain/condition.ts';
import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import { recordLimits } from '@isthmus/api/domain/limits.ts';
import type { ClusterReport, ServiceReport } from '@isthmus/api/domain/report.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { hostnameOf, serviceKeyOf } from '../keys/names.ts';
import { byName, valuesInOrder } from './in-order.ts';
import { isGatewayService } from '../view/gateways.ts';
import { targetPortConditions } from './conditions.ts';
import { divertsService } from './diverts.ts';
import { globalProperties } from './global-properties.ts';
import type { TranslateInput } from './input.ts';
import { networkOf } from './network.ts';

/** An agent is asked for the rest. */
const maxRejections = 100;

/** The report on this cluster as a whole. */
export function clusterReport(
  input: TranslateInput,
  agentVersion: string,
  conditions: readonly Condition[],
): ClusterReport {
  const { view } = input;
  const nodes = [...view.all('Node')]
    .sort(byName)
    .map(({ metadata, region, zone }) => ({ name: metadata.name, region, zone }));
  return {
    agentVersion,
    network: networkOf(view),
    nodes,
    workloadsByMode: Object.fromEntries(input.derived.partCounts()),
    conditions: atMost(recordLimits.conditions, conditions),
    rejections: view.rejections.page('', '', maxRejections).rejections,
    rejectionCounts: { ...view.rejections.counts },
  };
}

/** The gravest, and how many others there are: the hub refuses a report that has more. */
function atMost(max: number, conditions: readonly Condition[]): readonly Condition[] {
  if (conditions.length <= max) return conditions;
  const gravest = severities.flatMap((severity) => conditions.filter((one) => one.severity === severity));
  const rest = gravest.slice(max - 1);
  return [
    ...gravest.slice(0, max - 1),
    {
      type: 'Reported',
      status: 'False',
      reason: 'CONDITIONS_OMITTED',
      severity: rest[0]?.severity ?? 'INFO',
      object: '',
      message: `${rest.length} more conditions of this cluster are not reported, as a report has at most ${max}`,
      remedy: 'correct what is reported first',
    },
  ];
}

/** An ExternalName has nothing that could be reached or exported. */
export const isReported = (service: ServiceObject): boolean =>
  !isGatewayService(service) && service.type !== 'ExternalName';

export function serviceReport(input: TranslateInput, service: ServiceObject): ServiceReport {
  const { namespace, name } = service.metadata;
  return {
    namespace,
    name,
    hostname: hostnameOf(service.metadata),
    ports: service.ports.map(({ name: portName, port, targetPort, appProtocol }) => ({
      name: portName,
      port,
      appProtocol,
      targetPort: typeof targetPort === 'number' ? targetPort : 0,
    })),
    exportRequested: isExportRequested(input, service),
    subjectAltNames: input.derived.identities(serviceKeyOf(service.metadata)),
    conditions: [
      ...input.serviceConditions(service),
      ...targetPortConditions(input, service),
      ...shareConditions(input, service),
    ],
    properties: globalProperties(input.view, service),
  };
}

/** By the label of Istio, or by a ServiceExport: either is a request, which the hub permits or does not. */
const isExportRequested = ({ view }: TranslateInput, { metadata }: ServiceObject): boolean =>
  metadata.labels['istio.io/global'] === 'true' || view.exportOf(serviceKeyOf(metadata)) !== undefined;

/** While shares are weights, the nearest endpoints are not preferred. */
function shareConditions({ hub }: TranslateInput, { metadata }: ServiceObject): readonly Condition[] {
  const key = formatServiceKey(metadata);
  const diverted = valuesInOrder(hub.trafficShifts).filter((one) => divertsService(one, key));
  if (diverted.length === 0) return [];
  const message = `${diverted.map(({ id }) => id).join(', ')} is active: zone preference is suspended`;
  const remedy = 'undo the drain or failover to prefer near endpoints again';
  return [
    {
      type: 'LocalityPreferred',
      status: 'False',
      reason: 'SHARED_BY_WEIGHT',
      severity: 'INFO',
      object: '',
      message,
      remedy,
    },
  ];
}
