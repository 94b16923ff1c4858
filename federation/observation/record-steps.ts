import { formatServiceKey, parseServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { Link } from '@isthmus/api/domain/cluster.ts';
import type { Applied, ClusterReport, Gateway, ServiceReport } from '@isthmus/api/domain/report.ts';
import type { RejectedReport, ClusterRecord } from './cluster-record.ts';
import { PersistentMap } from './persistent-map.ts';
import type { Replica } from './replica.ts';

const none = PersistentMap.of(new Map<never, never>());

/** What is known of a cluster that has not reported in this life of the hub. */
export const emptyRecord = (cluster: string, now: number): ClusterRecord => ({
  cluster,
  link: { kind: 'UNREACHABLE', since: now },
  replicas: [],
  duplicates: [],
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
  services: none,
  health: none,
  endpoints: 0,
  gateways: new Map(),
  applied: none,
  refused: new Map(),
  rejectedReports: new Map(),
  reportsDelayed: undefined,
});

/** Reports come from another link from now on, or from none: they count as whole only once it has said everything. */
const withoutListing = (record: ClusterRecord): ClusterRecord => ({
  ...record,
  // What waited ended with its stream; what was rejected is offered again on the new one.
  reportsDelayed: undefined,
  rejectedReports: new Map(),
  synced: false,
  listed: false,
  counted: false,
});

/** The link of a replica begins, or has another role than before. Of those that lead the newest does. */
export function withReplica(before: ClusterRecord, replica: Replica): ClusterRecord {
  const led = before.replicas.some(({ id, leads }) => id === replica.id && leads);
  const record = led || replica.leads ? withoutListing(before) : before;
  const others = record.replicas
    .filter(({ id }) => id !== replica.id)
    .map((other) => (replica.leads && other.leads ? { ...other, leads: false } : other));
  const link: Link = record.link.kind === 'CONNECTED' ? record.link : { kind: 'CONNECTED' };
  return { ...record, link, replicas: [...others, replica].sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** A replica has no link any more. Without the one that leads nothing is reported. */
export function withoutReplica(record: ClusterRecord, id: string, now: number): ClusterRecord {
  const gone = record.replicas.find((one) => one.id === id);
  if (!gone) return record;
  const replicas = record.replicas.filter((one) => one !== gone);
  const link: Link = replicas.length > 0 ? record.link : { kind: 'UNREACHABLE', since: now };
  return { ...(gone.leads ? withoutListing(record) : record), link, replicas };
}

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
  services: PersistentMap.of(record.services).with(
    ofServices(changes).map(([key, report]) => [
      key,
      report && { ...report, groups: record.health.get(key) ?? [] },
    ]),
  ),
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
  applied: PersistentMap.of(record.applied).with(
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
