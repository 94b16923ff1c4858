import { formatServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { HealthReport, ServiceHealth, UnreadableHealth } from '@isthmus/api/domain/report.ts';
import type { ClusterRecord, ObservedService, RejectedReport } from './cluster-record.ts';
import { PersistentMap } from './persistent-map.ts';
import { withRejections } from './record-steps.ts';

/** Services to their counts; undefined: it has no endpoints any more. Each service once. */
type CountChanges = readonly (readonly [service: ServiceKey, groups: readonly EndpointGroup[] | undefined])[];

/** What moves with each health report, with counts or without. */
export const withPulse = (
  record: ClusterRecord,
  { proxiesConnected, sentAt }: HealthReport,
  now: number,
): ClusterRecord => ({ ...record, proxiesConnected, clockSkewMillis: skew(sentAt, now), asOf: now });

/**
 * A service that is not in the report has no endpoints, unless it is partial, which changes nothing of them. Services
 * that it leaves alike stay the same objects.
 */
export function withHealth(before: ClusterRecord, report: HealthReport, now: number): ClusterRecord {
  const record = withPulse(before, report, now);
  if (report.partial) return record;
  const counted = withCounts(record, changesOf(record.health, report.services));
  return { ...counted, counted: true, synced: record.listed };
}

/** Counts of an earlier life of the hub. They are old: the agent has yet to count on its link. */
export const withRestoredCounts = (
  record: ClusterRecord,
  services: readonly ServiceHealth[],
): ClusterRecord => withCounts(record, changesOf(record.health, services));

/** Endpoint counts that were not taken, instead of those of the report before. */
export function withHealthRejections(
  record: ClusterRecord,
  rejected: readonly UnreadableHealth[],
  at: number,
): ClusterRecord {
  const settled = [...record.rejectedReports.values()].flatMap(({ type, name }) =>
    type === 'health' ? [name] : [],
  );
  const rejections = rejected.map(({ service, why, limit }): RejectedReport => ({
    type: 'health',
    name: service,
    why,
    limit,
    at,
  }));
  return withRejections(record, 'health', settled, rejections);
}

/** How many endpoints a service has, healthy or not. */
export const endpointsIn = (groups: readonly EndpointGroup[]): number =>
  groups.reduce((sum, { total }) => sum + total, 0);

/** What differs between the counts that are held and those of all services. */
function changesOf(held: ClusterRecord['health'], services: readonly ServiceHealth[]): CountChanges {
  const all = new Map(services.map((one) => [formatServiceKey(one), one.groups]));
  const gone = [...held.keys()].filter((service) => !all.has(service));
  return [
    ...[...all].filter(([service, groups]) => !areAlike(held.get(service), groups)),
    ...gone.map((service) => [service, undefined] as const),
  ];
}

/** Costs as much as there are changes. */
function withCounts(record: ClusterRecord, changes: CountChanges): ClusterRecord {
  if (changes.length === 0) return record;
  const endpoints = changes.reduce(
    (sum, [service, groups = []]) =>
      sum + endpointsIn(groups) - endpointsIn(record.health.get(service) ?? []),
    record.endpoints,
  );
  const services = changes.flatMap(([key, groups = []]): [ServiceKey, ObservedService][] => {
    const service = record.services.get(key);
    return service && !areAlike(service.groups, groups) ? [[key, { ...service, groups }]] : [];
  });
  return {
    ...record,
    health: PersistentMap.of(record.health).with(changes),
    services: PersistentMap.of(record.services).with(services),
    endpoints,
  };
}

/** Milliseconds: a larger clock skew is shown as one day, so that it fits a GraphQL Int. */
const maxSkew = 24 * 60 * 60_000;

const skew = (sentAt: number, now: number): number => Math.max(-maxSkew, Math.min(maxSkew, sentAt - now));

const areAlike = (one: readonly EndpointGroup[] | undefined, other: readonly EndpointGroup[]): boolean =>
  one?.length === other.length && one.every((group, i) => isAlike(group, other[i]));

const isAlike = (a: EndpointGroup, b: EndpointGroup | undefined): boolean =>
  b?.region === a.region &&
  b.zone === a.zone &&
  b.transport === a.transport &&
  b.hboneOnly === a.hboneOnly &&
  b.total === a.total &&
  b.healthy === a.healthy;
