import type { Condition } from '@isthmus/api/domain/condition.ts';
import { recordLimits } from '@isthmus/api/domain/limits.ts';
import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { healthConditions, list } from '../health/conditions.ts';
import { byName } from './in-order.ts';
import { grantedClusters } from '../view/granted-clusters.ts';
import { entryConditions } from './entry-conditions.ts';
import { gatewayReports, unservedGatewayConditions } from './gateways.ts';
import type { TranslateInput } from './input.ts';
import { portsAt } from './members.ts';

/** What is degraded in this cluster as a whole. `monotonic` is the time by the agent's monotonic clock. */
export const clusterConditions = (input: TranslateInput, monotonic: number): readonly Condition[] => [
  ...gatewayConditions(input),
  ...unservedGatewayConditions(input),
  ...healthConditions(input.health.problems, monotonic),
  ...rejectionConditions(input),
  ...exportConditions(input),
  ...entryConditions(input),
];

/** Other clusters may use services of this one, and there is no way in. */
function gatewayConditions(input: TranslateInput): readonly Condition[] {
  const granted = [...input.hub.grants.values()].filter(
    (grant) => grantedClusters(input.hub, input.cluster, grant).length > 0,
  );
  if (granted.length === 0) return [];
  const gateways = [...gatewayReports(input).values()];
  if (gateways.some(({ ready }) => ready)) return [];
  const services = list(granted.map(({ namespace, name }) => `${namespace}/${name}`).sort());
  const none = gateways.length === 0;
  return [
    {
      type: 'GatewayReady',
      status: 'False',
      reason: none ? 'GATEWAY_MISSING' : 'GATEWAY_UNAVAILABLE',
      severity: 'ERROR',
      object: '',
      message: `${none ? 'the cluster has no east-west gateway' : 'no east-west gateway of the cluster is healthy'}: other clusters cannot reach ${services}`,
      remedy: none
        ? 'run a gateway behind a service in istio-system that has the label topology.istio.io/network'
        : 'repair one of the gateways: the conditions of their pods say what is wrong with each',
    },
  ];
}

/** What is refused or only in part applied; that a kind is not used is no problem. */
function rejectionConditions({ view: { rejections } }: TranslateInput): readonly Condition[] {
  const { ERROR: refused, WARNING: partial } = rejections.counts;
  const [first] = rejections;
  if (!first || refused + partial === 0) return [];
  const counts = [
    ...(refused > 0 ? [`${refused} rejected`] : []),
    ...(partial > 0 ? [`${partial} applied only in part`] : []),
  ];
  const where = first.field === '' ? first.object : `${first.object} ${first.field}`;
  return [
    {
      type: 'ManifestsAccepted',
      status: 'False',
      reason: refused > 0 ? 'MANIFESTS_REJECTED' : 'MANIFESTS_PARTLY_APPLIED',
      severity: refused > 0 ? 'ERROR' : 'WARNING',
      object: '',
      message: `manifests: ${counts.join(', ')}; the gravest: ${where}: ${first.message}`,
      remedy: 'correct the manifests; isthmus rejections lists every one with its file and line',
    },
  ];
}

/** ServiceExports that name no Service of this cluster: nothing is exported by them. */
function exportConditions({ view }: TranslateInput): readonly Condition[] {
  const unmet = Array.from(view.unmetExports()).sort(byName);
  return unmet.slice(0, recordLimits.conditions).map(({ metadata: { namespace, name } }) => ({
    type: 'Exported',
    status: 'False',
    reason: 'EXPORT_WITHOUT_SERVICE',
    severity: 'WARNING',
    object: `ServiceExport ${namespace}/${name}`,
    message: view.get('Service', namespace, name)
      ? `the ServiceExport ${namespace}/${name} exports nothing: the Service of that name is an ExternalName, which has no endpoints`
      : `the ServiceExport ${namespace}/${name} exports nothing: there is no Service ${namespace}/${name}`,
    remedy: `create the Service ${namespace}/${name}, or delete the ServiceExport`,
  }));
}

/** A named target port that pods behind a service lack: they are no endpoints of that port. */
export function targetPortConditions({ view }: TranslateInput, service: ServiceObject): readonly Condition[] {
  const named = service.ports.filter(({ targetPort }) => typeof targetPort === 'string');
  if (named.length === 0) return [];
  const pods = [...view.selectedBy(service)].sort(byName);
  return named.flatMap((port) => {
    const lacking = pods.filter((pod) => portsAt({ ...service, ports: [port] }, pod).length === 0);
    if (lacking.length === 0) return [];
    const all = lacking.length === pods.length;
    return [
      {
        type: 'TargetPortFound',
        status: 'False',
        reason: 'PORT_MISSING',
        severity: all ? 'ERROR' : 'WARNING',
        object: '',
        message: `port ${port.port} targets the container port named ${port.targetPort}, which ${lacking.length} of ${pods.length} pods lack: ${list(lacking.map(nameOf))}`,
        remedy: `name a container port ${port.targetPort} in those pods, or correct spec.ports[].targetPort`,
      },
    ] satisfies Condition[];
  });
}

const nameOf = ({ metadata: { namespace, name } }: PodObject): string => `${namespace}/${name}`;
