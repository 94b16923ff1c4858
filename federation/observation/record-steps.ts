import { formatServiceKey, parseServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { Link } from '@isthmus/api/domain/cluster.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type {
  Applied,
  ClusterReport,
  Gateway,
  HealthReport,
  ServiceHealth,
  ServiceReport,
  UnreadableHealth,
} from '@isthmus/api/domain/report.ts';
import { AppliedMap } from './applied-map.ts';
import type { ObservedService, RejectedReport, ClusterRecord } from './cluster-record.ts';

const noneApplied = AppliedMap.of(new Map());

/** What is known of a cluster that has not reported in this life of the hub. */
export const emptyRecord = (cluster: string, now: number): ClusterRecord => ({
  cluster,
  link: { kind: 'UNREACHABLE', since: now },
  asOf: 0,
  synced: false,
  listed: false,
  counted: false,
  agentVersion: '',
  network: '',
  nodes: [],
  workloadsByMode: {},
  proxiesConnected: 0,
  clockSkewMillis: 0,
  conditions: [],
  rejections: [],
  rejectionCounts: { ERROR: 0, WARNING: 0, INFO: 0 },
  services: new Map(),
  health: new Map(),
  gateways: new Map(),
  applied: noneApplied,
  refused: new Map(),
  rejectedReports: new Map(),
  reportsDelayed: undefined,
});

/** A link that begins or ends: what its agent says counts as whole only once it has said everything on it. */
export const withLink = (record: ClusterRecord, link: Link): ClusterRecord => ({
  ...record,
  // What waited ended with its stream; what was rejected is offered again on the new one.
  reportsDelayed: undefined,
  rejectedReports: new Map(),
  link,
  synced: false,
  listed: false,
  counted: false,
});

/** The agent has sent all its reports on its link. */
export const withListing = (record: ClusterRecord): ClusterRecord =>
  record.listed ? record : { ...record, listed: true, synced: record.counted };

/** Names to what is reported of them now; undefined: it is gone. */
export type ReportChanges<T, K extends string = string> = readonly (readonly [
  name: K,
  report: T | undefined,
])[];

export const withReport = (record: ClusterRecord, report: ClusterReport, asOf: number): ClusterRecord => ({
  ...record,
  ...report,
  asOf,
});

/** Endpoint counts come by the health report, before the service or after it. */
export const withServices = (
  record: ClusterRecord,
  changes: ReportChanges<ServiceReport>,
  asOf: number,
): ClusterRecord => ({
  ...record,
  services: changed(record.services, ofServices(changes), (report, key) => ({
    ...report,
    groups: record.health.get(key) ?? [],
  })),
  asOf,
});

export const withGateways = (
  record: ClusterRecord,
  changes: ReportChanges<Gateway>,
  asOf: number,
): ClusterRecord => ({
  ...record,
  gateways: changed(record.gateways, changes, (gateway, name) => ({ name, ...gateway })),
  asOf,
});

export const withApplied = (
  record: ClusterRecord,
  changes: ReportChanges<Applied>,
  asOf: number,
): ClusterRecord => ({
  ...record,
  // The name is that of the record, so that equal records share it, too.
  applied: AppliedMap.of(record.applied).with(
    changes.map(([name, one]) => [one?.subject ?? name, one] as const),
  ),
  asOf,
});

/** More than this one cluster's rejections are not remembered one by one. */
const maxRejections = 1_000;

/** Names of a type that are settled are rejected no more; the others are, each with its reason. */
export function withRejections(
  record: ClusterRecord,
  type: string,
  settled: readonly string[],
  rejections: readonly RejectedReport[],
): ClusterRecord {
  const before = record.rejectedReports;
  if (rejections.length === 0 && !settled.some((name) => before.has(rejectionKey(type, name)))) return record;
  const next = new Map(before);
  for (const name of settled) next.delete(rejectionKey(type, name));
  for (const one of rejections) {
    const key = rejectionKey(type, one.name);
    if (next.size < maxRejections || next.has(key)) next.set(key, one);
  }
  return { ...record, rejectedReports: next };
}

/** An agent offers what was rejected again once a minute: what it has not offered for longer, it no longer reports. */
export const rejectionLife = 150_000;

/** Without rejections of reports that the agent has taken back meanwhile; the same record when there are none. */
export function withoutOldRejections(record: ClusterRecord, now: number): ClusterRecord {
  const standing = [...record.rejectedReports].filter(([, { at }]) => at + rejectionLife > now);
  if (standing.length === record.rejectedReports.size) return record;
  return { ...record, rejectedReports: new Map(standing) };
}

const rejectionKey = (type: string, name: string): string => `${type} ${name}`;

/** Reports of services, by their keys: one that is there has the name that its content says. */
const ofServices = (changes: ReportChanges<ServiceReport>): ReportChanges<ServiceReport, ServiceKey> =>
  changes.flatMap(([name, report]) => {
    const key = report ? formatServiceKey(report) : parseServiceKey(name);
    return key === undefined ? [] : [[key, report] as const];
  });

function changed<K extends string, T, U>(
  before: ReadonlyMap<K, U>,
  changes: ReportChanges<T, K>,
  make: (report: T, name: K) => U,
): ReadonlyMap<K, U> {
  if (changes.length === 0) return before;
  const next = new Map(before);
  for (const [name, report] of changes)
    if (report === undefined) next.delete(name);
    else next.set(name, make(report, name));
  return next;
}

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
  const health = counted(record.health, report);
  const services = health === record.health ? record.services : joined(record.services, health);
  return { ...record, services, health, counted: true, synced: record.listed };
}

/** Counts of an earlier life of the hub. They are old: the agent has yet to count on its link. */
export function withRestoredCounts(record: ClusterRecord, services: readonly ServiceHealth[]): ClusterRecord {
  const health = new Map(services.map((one) => [formatServiceKey(one), one.groups]));
  return { ...record, health, services: joined(record.services, health) };
}

/** The counts of a report; the map of before when nothing differs. */
function counted(before: ClusterRecord['health'], { services }: HealthReport): ClusterRecord['health'] {
  let isNew = services.length !== before.size;
  const after = new Map<ServiceKey, readonly EndpointGroup[]>();
  for (const service of services) {
    const { groups } = service;
    const key = formatServiceKey(service);
    const known = before.get(key);
    const isSame = known !== undefined && areAlike(known, groups);
    isNew ||= !isSame;
    after.set(key, isSame ? known : groups);
  }
  return isNew ? after : before;
}

/** Milliseconds: a larger clock skew is shown as one day, so that it fits a GraphQL Int. */
const maxSkew = 24 * 60 * 60_000;

const skew = (sentAt: number, now: number): number => Math.max(-maxSkew, Math.min(maxSkew, sentAt - now));

function joined(
  services: ClusterRecord['services'],
  health: ClusterRecord['health'],
): ClusterRecord['services'] {
  const differing = [...services].flatMap(([key, service]): [ServiceKey, ObservedService][] => {
    const groups = health.get(key) ?? [];
    return areAlike(service.groups, groups) ? [] : [[key, { ...service, groups }]];
  });
  return differing.length === 0 ? services : new Map([...services, ...differing]);
}

function areAlike(one: readonly EndpointGroup[], other: readonly EndpointGroup[]): boolean {
  return (
    one.length === other.length &&
    one.every((a, i) => {
      const b = other[i];
      return (
        b?.region === a.region &&
        b.zone === a.zone &&
        b.transport === a.transport &&
        b.hboneOnly === a.hboneOnly &&
        b.total === a.total &&
        b.healthy === a.healthy
      );
    })
  );
}
