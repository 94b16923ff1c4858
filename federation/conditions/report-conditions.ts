import type { Condition } from '@isthmus/api/domain/condition.ts';
import { withheld } from '../policy/exported.ts';
import { unusableGateways, type UnusableGateway } from '../policy/gateways.ts';
import type { RejectedReport, ClusterRecord } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';

const maxShown = 10;

/** What the hub did not take of a cluster's reports, and what it does not pass on. */
export function reportConditions(snapshot: Now, record: ClusterRecord): readonly Condition[] {
  const rejected = [...record.rejectedReports.values()];
  return [
    ...overLimit(rejected.filter(({ limit }) => limit !== undefined)),
    ...malformed(
      record.cluster,
      rejected.filter(({ limit }) => limit === undefined),
    ),
    ...delayed(record),
    ...withheldServices(snapshot, record),
    ...unusableGateways(snapshot, record).map((one) => gatewayCondition(snapshot, record, one)),
  ];
}

const listed = (rejected: readonly RejectedReport[]): string => {
  const shown = rejected
    .slice(0, maxShown)
    .map(({ type, name, why }) => `${type} ${name.slice(0, 130)}: ${why}`);
  const more = rejected.length > maxShown ? [`and ${rejected.length - maxShown} more`] : [];
  return [...shown, ...more].join('; ');
};

function overLimit(rejected: readonly RejectedReport[]): readonly Condition[] {
  if (rejected.length === 0) return [];
  const limits = [...new Set(rejected.flatMap(({ limit }) => limit ?? []))].join(', ');
  return [
    {
      type: 'Reported',
      status: 'False',
      reason: 'REPORT_OVER_LIMIT',
      severity: 'ERROR',
      object: '',
      message: `the hub rejected ${rejected.length} reports that exceed a limit of this cluster (${limits}) and keeps what they replace: ${listed(rejected)}`,
      remedy: `reduce what the cluster reports, or start the hub with a higher --cluster-limits (${limits})`,
    },
  ];
}

function malformed(cluster: string, rejected: readonly RejectedReport[]): readonly Condition[] {
  if (rejected.length === 0) return [];
  return [
    {
      type: 'Reported',
      status: 'False',
      reason: 'REPORT_REJECTED',
      severity: 'ERROR',
      object: '',
      message: `the hub rejected ${rejected.length} malformed reports of this cluster and keeps what they replace: ${listed(rejected)}`,
      remedy: `run the agent at the version of the hub; if it is, the agent is faulty or malicious: isthmus revoke ${cluster}`,
    },
  ];
}

function delayed({ cluster, reportsDelayed }: ClusterRecord): readonly Condition[] {
  if (reportsDelayed === undefined) return [];
  return [
    {
      type: 'Reported',
      status: 'False',
      reason: 'REPORTS_DELAYED',
      severity: 'WARNING',
      object: '',
      message: `the agent of ${cluster} reports more changes a second than the ${reportsDelayed} that the hub takes of one cluster; the hub takes them late`,
      remedy: `find what changes all the time in ${cluster}, or start the hub with a higher --cluster-limits (reportsPerSecond)`,
    },
  ];
}

function withheldServices(snapshot: Now, { cluster, services }: ClusterRecord): readonly Condition[] {
  const names = withheld(snapshot, cluster, services.values());
  if (names.length === 0) return [];
  const more = names.length > maxShown ? ` and ${names.length - maxShown} more` : '';
  return [
    {
      type: 'Exported',
      status: 'False',
      reason: 'NAMESPACE_NOT_ALLOWED',
      severity: 'WARNING',
      object: '',
      message: `${cluster} exports services of namespaces that it may not host, and no other cluster gets them: ${names.slice(0, maxShown).join(', ')}${more}`,
      remedy: `allow the namespaces with isthmus cluster namespaces ${cluster}, or export the services from another cluster`,
    },
  ];
}

function gatewayCondition(
  { intent }: Now,
  { cluster }: ClusterRecord,
  { gateway, reason, owner }: UnusableGateway,
): Condition {
  const admitted = intent.clusters.get(cluster)?.value.network;
  const message =
    reason === 'GATEWAY_ADDRESS_TAKEN'
      ? `other clusters do not use this gateway: its address ${gateway.address} belongs to ${owner}, which joined earlier`
      : `other clusters do not use this gateway: it serves network '${gateway.network}', and ${cluster} was admitted for ${admitted === undefined ? 'none yet' : `'${admitted}'`}`;
  const remedy =
    reason === 'GATEWAY_ADDRESS_TAKEN'
      ? 'give the gateway an address of its own'
      : `set the network label of the gateway's Service to the admitted network, or join again with isthmus token ${cluster} --network ${gateway.network}`;
  return {
    type: 'GatewayUsable',
    status: 'False',
    reason,
    severity: 'ERROR',
    object: `Gateway ${gateway.name}`,
    message,
    remedy,
  };
}
