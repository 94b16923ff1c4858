import { formatServiceKey, parseServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { HealthReport, ServiceHealth, UnreadableHealth } from '@isthmus/api/domain/report.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import { endpointsIn } from '../observation/health-steps.ts';

type Counts = Pick<ClusterRecord, 'health' | 'endpoints'>;

interface Within {
  readonly report: HealthReport;
  readonly rejected: readonly UnreadableHealth[];
}

/**
 * The part of a health report that stays within the limit of endpoints; what is left out of changes is removed by them.
 * Services whose counts were taken before come first, then the others by name, so that which ones are left out does not
 * change from one report to the next. Costs as much as the report has services.
 */
export function withinLimits(report: HealthReport, counts: Counts, limits: ClusterLimits): Within {
  const others = report.changes ? counts.endpoints - sumOf(named(report), counts) : 0;
  const all = report.services.reduce((sum, { groups }) => sum + endpointsIn(groups), others);
  const rejected = new Set<ServiceHealth>();
  if (all > limits.endpoints) {
    let sum = others;
    for (const service of inOrder(report.services, counts.health)) {
      const endpoints = endpointsIn(service.groups);
      if (sum + endpoints > limits.endpoints) rejected.add(service);
      else sum += endpoints;
    }
  }
  return {
    report: without(report, rejected),
    rejected: [...rejected].map((one) => ({
      service: formatServiceKey(one),
      why: `with its ${endpointsIn(one.groups)} the cluster would have more than the ${limits.endpoints} endpoints that are allowed`,
      limit: 'endpoints',
    })),
  };
}

/** All services whose counts a report with changes replaces: those that cannot be read have none from here on. */
const named = ({ services, changes, unreadable }: HealthReport): ReadonlySet<ServiceKey> =>
  new Set([
    ...services.map(formatServiceKey),
    ...(changes?.removed ?? []),
    ...unreadable.flatMap(({ service }) => parseServiceKey(service) ?? []),
  ]);

const sumOf = (services: Iterable<ServiceKey>, { health }: Counts): number =>
  [...services].reduce((sum, service) => sum + endpointsIn(health.get(service) ?? []), 0);

/** Changes remove everything that they name and have no counts of. */
function without(report: HealthReport, rejected: ReadonlySet<ServiceHealth>): HealthReport {
  const { changes } = report;
  const services = report.services.filter((one) => !rejected.has(one));
  if (!changes) return { ...report, services };
  const counted = new Set(services.map(formatServiceKey));
  const removed = [...named(report)].filter((one) => !counted.has(one));
  return { ...report, services, changes: { ...changes, removed } };
}

function inOrder(
  services: readonly ServiceHealth[],
  taken: { has(service: ServiceKey): boolean },
): readonly ServiceHealth[] {
  const rank = (one: ServiceHealth) => (taken.has(formatServiceKey(one)) ? 0 : 1);
  return [...services].sort(
    (a, b) => rank(a) - rank(b) || (formatServiceKey(a) < formatServiceKey(b) ? -1 : 1),
  );
}
