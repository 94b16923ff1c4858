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
 * A partial report changes no counts. One with changes costs as much as it has of them; of another one a service that is
 * not in it has no endpoints. Services that it leaves alike stay the same objects.
 */
export function withHealth(before: ClusterRecord, report: HealthReport, now: number): ClusterRecord {
  const record = withPulse(before, report, now);
  if (report.partial) return record;
  const { services, changes } = report;
  const gone = changes ? changes.removed.filter((one) => record.health.has(one)) : goneOf(record, services);
  const counted = withCounts(record, [...differingFrom(record.health, services), ...gone.map(without)]);
  return { ...counted, counted: true, synced: record.listed };
}

/** Counts of an earlier life of the hub. They are old: the agent has yet to count on its link. */
export const withRestoredCounts = (
  record: ClusterRecord,
  services: readonly ServiceHealth[],
): ClusterRecord => withCounts(record, differingFrom(record.health, services));

/** Endpoint counts that were not taken, instead of those that the report before was rejected of under the same names. */
export function withHealthRejections(
  record: ClusterRecord,
  { services, changes }: Pick<HealthReport, 'services' | 'changes'>,
  rejected: readonly UnreadableHealth[],
  at: number,
): ClusterRecord {
  const settled = changes ? [...services.map(formatServiceKey), ...changes.removed] : rejectedIn(record);
  const rejections = rejected.map(({ service, why, limit }): RejectedReport => ({
    type: 'health',
    name: service,
    why,
    limit,
    at,
  }));
  return withRejections(record, 'health', settled, rejections);
}

const rejectedIn = ({ rejectedReports }: ClusterRecord): readonly string[] =>
  [...rejectedReports.values()].flatMap(({ type, name }) => (type === 'health' ? [name] : []));

/** How many endpoints a service has, healthy or not. */
export const endpointsIn = (groups: readonly EndpointGroup[]): number =>
  groups.reduce((sum, { total }) => sum + total, 0);

/** Counts that differ from those that are held. */
const differingFrom = (held: ClusterRecord['health'], services: readonly ServiceHealth[]): CountChanges =>
  [...new Map(services.map((one) => [formatServiceKey(one), one.groups]))].filter(
    ([service, groups]) => !areAlike(held.get(service), groups),
  );

/** Services that have counts and are not among those of a report on all. */
function goneOf({ health }: ClusterRecord, services: readonly ServiceHealth[]): readonly ServiceKey[] {
  const all = new Set(services.map(formatServiceKey));
  return [...health.keys()].filter((service) => !all.has(service));
}

const without = (service: ServiceKey): CountChanges[number] => [service, undefined];

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
