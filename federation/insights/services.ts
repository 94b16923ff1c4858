import { severities } from '@isthmus/api/domain/condition.ts';
import { approvalConditions } from '../policy/export-approval.ts';
import { exportConflict } from '../policy/conflict.ts';
import { exportPortConditions } from '../policy/export-ports.ts';
import { holdsForItself } from '../policy/exported.ts';
import { Exporters, namesOf } from '../policy/exporters.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';
import { finding, findingOf, type Finding } from './finding.ts';

/** What is wrong with each service in each member, and intent about services that no member has. */
export function ofServices(snapshot: Now): readonly Finding[] {
  const known = new Map<string, Exporters>();
  const exportersOf = (key: string) => {
    const exporters = known.get(key) ?? Exporters.of(snapshot, key);
    known.set(key, exporters);
    return exporters;
  };
  const all = [...snapshot.observed.values()]
    .filter(({ cluster }) => isMember(snapshot, cluster))
    .flatMap(({ cluster, services }) =>
      ofCluster(
        cluster,
        [...services].flatMap(([key, service]) => {
          const exporters = exportersOf(key);
          const conditions = [
            ...service.conditions,
            ...approvalConditions(snapshot, cluster, service),
            ...exportConflict(snapshot, cluster, key, exporters),
            ...exportPortConditions(cluster, key, exporters),
          ].map((condition) => findingOf(condition, cluster, `Service ${key}`));
          return [...conditions, ...unhealthy(snapshot, cluster, key, service, exporters)];
        }),
      ),
    );
  return [...all, ...withoutService(snapshot)];
}

const mostOfCluster = 1000;

/** The gravest of a cluster's services, and how many others: one cluster must not bury what is wrong in the others. */
function ofCluster(cluster: string, all: readonly Finding[]): readonly Finding[] {
  if (all.length <= mostOfCluster) return all;
  const sorted = severities.flatMap((severity) => all.filter((one) => one.severity === severity));
  const rest = sorted.slice(mostOfCluster - 1);
  const what = `${rest.length} more findings about services of ${cluster} are not listed`;
  const remedy = `correct what is listed first; isthmus services lists every service`;
  return [
    ...sorted.slice(0, mostOfCluster - 1),
    finding(
      rest[0]?.severity ?? 'INFO',
      'FINDINGS_OMITTED',
      { cluster, object: `Cluster ${cluster}` },
      what,
      remedy,
    ),
  ];
}

const isMember = ({ intent }: Now, cluster: string): boolean =>
  intent.clusters.get(cluster)?.value.admission === 'ADMITTED';

const healthyOf = ({ groups }: Pick<ObservedService, 'groups'>): number =>
  groups.reduce((sum, { healthy }) => sum + healthy, 0);

/** A service whose endpoints are all down. One without any is scaled to nothing, which is no fault. */
function unhealthy(
  snapshot: Now,
  cluster: string,
  key: string,
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

/** Exports and traffic policies of services that no member, or not the named member, has. */
function withoutService(snapshot: Now): readonly Finding[] {
  const { intent, observed } = snapshot;
  const hasIt = (cluster: string, key: string) =>
    isMember(snapshot, cluster) && (observed.get(cluster)?.services.has(key) ?? false);
  const anyHasIt = (key: string) => snapshot.index.exports.holders(key).size > 0;
  const exports = [...intent.serviceExports.values()].flatMap(({ id, value }) => {
    const remedy = `create the service, or end the export with isthmus unexport ${id}`;
    const object = `ServiceExport ${id}`;
    if (!anyHasIt(id))
      return [finding('WARNING', 'EXPORT_OF_NOTHING', { object }, `no cluster has a service ${id}`, remedy)];
    return value.clusters
      .filter((cluster) => !hasIt(cluster, id))
      .map((cluster) =>
        finding(
          'WARNING',
          'EXPORT_OF_NOTHING',
          { cluster, object },
          `${cluster} is to export ${id} and has no such service`,
          remedy,
        ),
      );
  });
  const traffic = [...intent.trafficPolicies.keys()]
    .filter((id) => !anyHasIt(id))
    .map((id) =>
      finding(
        'WARNING',
        'TRAFFIC_POLICY_OF_NOTHING',
        { object: `TrafficPolicy ${id}` },
        `no cluster has a service ${id}`,
        `create the service, or delete the policy with isthmus policy delete ${id}`,
      ),
    );
  return [...exports, ...traffic];
}
