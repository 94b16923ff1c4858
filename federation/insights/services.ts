import { formatServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import { approvalConditions } from '../policy/export-approval.ts';
import { exportConflict } from '../policy/conflict.ts';
import { exportPortConditions } from '../policy/export-ports.ts';
import { holdsForItself } from '../policy/exported.ts';
import { Exporters, namesOf } from '../policy/exporters.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';
import { finding, findingOf, orderOf, type Finding } from './finding.ts';

/** What is wrong with one service in each member that has it. */
export function ofHolders(now: Now, key: ServiceKey): readonly Finding[] {
  const exporters = Exporters.of(now, key);
  return [...now.index.exports.holders(key)].flatMap(([cluster, service]) => {
    const conditions = [
      ...service.conditions,
      ...approvalConditions(now, cluster, service),
      ...exportConflict(now, cluster, key, exporters),
      ...exportPortConditions(cluster, key, exporters),
    ].map((condition) => findingOf(condition, cluster, `Service ${key}`));
    return [...conditions, ...unhealthy(now, cluster, key, service, exporters)];
  });
}

/** Every service that a member has, or that intent names. */
export const serviceKeys = ({ index, intent }: Now): ReadonlySet<ServiceKey> =>
  new Set([
    ...index.exports.keys,
    ...[intent.serviceExports, intent.trafficPolicies].flatMap((all) =>
      [...all.values()].map(({ value }) => formatServiceKey(value)),
    ),
  ]);

/** The findings of services, of each cluster no more than a thousand. */
export function withinLimit(all: readonly Finding[]): readonly Finding[] {
  const byCluster = new Map<string, Finding[]>();
  for (const one of all) {
    const known = byCluster.get(one.cluster);
    if (known) known.push(one);
    else byCluster.set(one.cluster, [one]);
  }
  return [...byCluster].flatMap(([cluster, some]) => ofCluster(cluster, some));
}

const maxOfCluster = 1000;

/** The gravest of a cluster's services, and how many others: one cluster must not bury what is wrong in the others. */
function ofCluster(cluster: string, all: readonly Finding[]): readonly Finding[] {
  if (all.length <= maxOfCluster) return all;
  const sorted = all
    .map((one) => ({ one, order: orderOf(one) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ one }) => one);
  const rest = sorted.slice(maxOfCluster - 1);
  const what = `${rest.length} more findings about services of ${cluster} are not listed`;
  const remedy = `correct what is listed first; isthmus services lists every service`;
  return [
    ...sorted.slice(0, maxOfCluster - 1),
    finding(
      rest[0]?.severity ?? 'INFO',
      'FINDINGS_OMITTED',
      { cluster, object: `Cluster ${cluster}` },
      what,
      remedy,
    ),
  ];
}

const healthyOf = ({ groups }: Pick<ObservedService, 'groups'>): number =>
  groups.reduce((sum, { healthy }) => sum + healthy, 0);

/** A service whose endpoints are all down. One without any is scaled to nothing, which is not a fault. */
function unhealthy(
  snapshot: Now,
  cluster: string,
  key: ServiceKey,
  service: ObservedService,
  exporters: Exporters,
): readonly Finding[] {
  const total = service.groups.reduce((sum, group) => sum + group.total, 0);
  if (total === 0 || healthyOf(service) > 0) return [];
  const elsewhere = holdsForItself(snapshot, cluster, key)
    ? []
    : exporters.others(cluster).filter((name) => {
        const other = snapshot.observed.get(name)?.services.get(key);
        return other !== undefined && healthyOf(other) > 0;
      });
  const effect =
    elsewhere.length > 0
      ? `calls go to ${namesOf(elsewhere)}`
      : 'no other cluster has a healthy one: calls fail';
  return [
    finding(
      elsewhere.length > 0 ? 'WARNING' : 'ERROR',
      'NO_HEALTHY_ENDPOINT',
      { cluster, object: `Service ${key}` },
      `none of the ${total} endpoints of ${key} in ${cluster} is healthy; ${effect}`,
      `check the pods behind it and their proxies: isthmus workloads ${cluster} --namespace ${service.namespace}`,
    ),
  ];
}

/** An export and a traffic policy of a service that no member, or not the named member, has. */
export function withoutService({ intent, index }: Now, id: ServiceKey): readonly Finding[] {
  const holders = index.exports.holders(id);
  const nobody = holders.size === 0;
  const exported = intent.serviceExports.get(id)?.value;
  const lacking = exported?.clusters.filter((cluster) => !holders.has(cluster)) ?? [];
  return [
    ...(exported && nobody ? [exportOfNothing(id, '', `no cluster has a service ${id}`)] : []),
    ...(nobody
      ? []
      : lacking.map((one) => exportOfNothing(id, one, `${one} is to export ${id} and has no such service`))),
    ...(nobody && intent.trafficPolicies.has(id) ? [trafficPolicyOfNothing(id)] : []),
  ];
}

const exportOfNothing = (id: ServiceKey, cluster: string, message: string): Finding =>
  finding(
    'WARNING',
    'EXPORT_OF_NOTHING',
    { cluster, object: `ServiceExport ${id}` },
    message,
    `create the service, or end the export with isthmus unexport ${id}`,
  );

const trafficPolicyOfNothing = (id: ServiceKey): Finding =>
  finding(
    'WARNING',
    'TRAFFIC_POLICY_OF_NOTHING',
    { object: `TrafficPolicy ${id}` },
    `no cluster has a service ${id}`,
    `create the service, or delete the policy with isthmus policy delete ${id}`,
  );
