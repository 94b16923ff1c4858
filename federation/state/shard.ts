import type {
  Applied,
  ClusterReport,
  Gateway,
  HealthReport,
  ServiceReport,
} from '@isthmus/api/domain/report.ts';
import type { Shard } from './observed.ts';

/** What is known of a cluster that has not reported in this life of the hub. */
export const emptyShard = (cluster: string, now: number): Shard => ({
  cluster,
  link: { kind: 'UNREACHABLE', since: now },
  ...{ asOf: 0, synced: false, agentVersion: '', network: '', nodes: [], workloadsByMode: {} },
  ...{ proxiesConnected: 0, clockSkewMillis: 0, conditions: [], rejections: [] },
  ...{ services: new Map(), gateways: new Map(), applied: new Map() },
});

export const withReport = (shard: Shard, report: ClusterReport, asOf: number): Shard => ({
  ...shard,
  ...report,
  asOf,
});

/** Endpoint counts come by the health report: those that are known already stay. */
export function withService(
  shard: Shard,
  name: string,
  report: ServiceReport | undefined,
  asOf: number,
): Shard {
  const services = new Map(shard.services);
  if (report) services.set(name, { ...report, groups: shard.services.get(name)?.groups ?? [] });
  else services.delete(name);
  return { ...shard, services, asOf };
}

export function withGateway(shard: Shard, name: string, gateway: Gateway | undefined, asOf: number): Shard {
  const gateways = new Map(shard.gateways);
  if (gateway) gateways.set(name, { name, ...gateway });
  else gateways.delete(name);
  return { ...shard, gateways, asOf };
}

export function withApplied(shard: Shard, name: string, one: Applied | undefined, asOf: number): Shard {
  const applied = new Map(shard.applied);
  if (one) applied.set(name, one);
  else applied.delete(name);
  return { ...shard, applied, asOf };
}

/** The report is whole: a service that is not in it has no endpoints. */
export function withHealth(shard: Shard, report: HealthReport, now: number): Shard {
  const groups = new Map(
    report.services.map((service) => [`${service.namespace}/${service.name}`, service.groups]),
  );
  const services = new Map(
    [...shard.services].map(([key, service]) => [key, { ...service, groups: groups.get(key) ?? [] }]),
  );
  const { proxiesConnected, sentAt } = report;
  return { ...shard, services, proxiesConnected, clockSkewMillis: sentAt - now, asOf: now };
}
