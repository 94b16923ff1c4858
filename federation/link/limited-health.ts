import { formatServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { HealthReport, ServiceHealth, UnreadableHealth } from '@isthmus/api/domain/report.ts';

const endpointsOf = ({ groups }: ServiceHealth): number => groups.reduce((sum, { total }) => sum + total, 0);

/**
 * The part of a health report that stays within the limit of endpoints. Services whose counts were taken before come
 * first, then the others by name, so that which ones are left out does not change from one report to the next.
 */
export function withinLimits(
  report: HealthReport,
  taken: { has(service: ServiceKey): boolean },
  limits: ClusterLimits,
): { readonly report: HealthReport; readonly rejected: readonly UnreadableHealth[] } {
  const all = report.services.reduce((sum, one) => sum + endpointsOf(one), 0);
  if (all <= limits.endpoints) return { report, rejected: [] };
  const rejected = new Set<ServiceHealth>();
  let sum = 0;
  for (const service of inOrder(report.services, taken)) {
    const endpoints = endpointsOf(service);
    if (sum + endpoints > limits.endpoints) rejected.add(service);
    else sum += endpoints;
  }
  return {
    report: { ...report, services: report.services.filter((one) => !rejected.has(one)) },
    rejected: [...rejected].map((one) => ({
      service: formatServiceKey(one),
      why: `with its ${endpointsOf(one)} the cluster would have more than the ${limits.endpoints} endpoints that are allowed`,
      limit: 'endpoints',
    })),
  };
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
