import type { Link } from '@isthmus/api/domain/cluster.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type {
  Applied,
  ClusterReport,
  Gateway,
  HealthReport,
  ServiceReport,
  UnreadableHealth,
} from '@isthmus/api/domain/report.ts';
import type { ObservedService, RejectedReport, Shard } from './observed.ts';

/** What is known of a cluster that has not reported in this life of the hub. */
export const emptyShard = (cluster: string, now: number): Shard => ({
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
  applied: new Map(),
  refused: new Map(),
  rejectedReports: new Map(),
  reportsDelayed: false,
});

/** A link that begins or ends: what its agent says counts as whole only once it has said everything on it. */
export const withLink = (shard: Shard, link: Link): Shard => ({
  ...shard,
  // What waited ended with its stream; what was rejected is offered again on the new one.
  reportsDelayed: false,
  rejectedReports: new Map(),
  link,
  synced: false,
  listed: false,
  counted: false,
});

/** The agent has sent all its reports on its link. */
export const withListing = (shard: Shard): Shard =>
  shard.listed ? shard : { ...shard, listed: true, synced: shard.counted };

/** Names to what is reported of them now; undefined: it is gone. */
export type Changes<T> = readonly (readonly [name: string, report: T | undefined])[];

export const withReport = (shard: Shard, report: ClusterReport, asOf: number): Shard => ({
  ...shard,
  ...report,
  asOf,
});

/** Endpoint counts come by the health report, before the service or after it. */
export const withServices = (shard: Shard, changes: Changes<ServiceReport>, asOf: number): Shard => ({
  ...shard,
  services: changed(shard.services, changes, (report, name) => ({
    ...report,
    groups: shard.health.get(name) ?? [],
  })),
  asOf,
});

export const withGateways = (shard: Shard, changes: Changes<Gateway>, asOf: number): Shard => ({
  ...shard,
  gateways: changed(shard.gateways, changes, (gateway, name) => ({ name, ...gateway })),
  asOf,
});

export const withApplied = (shard: Shard, changes: Changes<Applied>, asOf: number): Shard => ({
  ...shard,
  applied: changed(shard.applied, changes, (one) => one),
  asOf,
});

/** More than this one cluster's rejections are not remembered one by one. */
const mostRejections = 1_000;

/** Names of a type that are settled are rejected no more; the others are, each with its reason. */
export function withRejections(
  shard: Shard,
  type: string,
  settled: readonly string[],
  rejections: readonly RejectedReport[],
): Shard {
  const before = shard.rejectedReports;
  if (rejections.length === 0 && !settled.some((name) => before.has(rejectionKey(type, name)))) return shard;
  const next = new Map(before);
  for (const name of settled) next.delete(rejectionKey(type, name));
  for (const one of rejections) {
    const key = rejectionKey(type, one.name);
    if (next.size < mostRejections || next.has(key)) next.set(key, one);
  }
  return { ...shard, rejectedReports: next };
}

/** An agent offers what was rejected again once a minute: what it has not offered for longer, it no longer reports. */
const rejectionLife = 150_000;

/** Without rejections of reports that the agent has taken back meanwhile; the same shard when there are none. */
export function withoutOldRejections(shard: Shard, now: number): Shard {
  const standing = [...shard.rejectedReports].filter(([, { at }]) => at + rejectionLife > now);
  if (standing.length === shard.rejectedReports.size) return shard;
  return { ...shard, rejectedReports: new Map(standing) };
}

const rejectionKey = (type: string, name: string): string => `${type} ${name}`;

function changed<T, U>(
  before: ReadonlyMap<string, U>,
  changes: Changes<T>,
  make: (report: T, name: string) => U,
): ReadonlyMap<string, U> {
  const next = new Map(before);
  for (const [name, report] of changes)
    if (report === undefined) next.delete(name);
    else next.set(name, make(report, name));
  return next;
}

/** Endpoint counts that were not taken, instead of those of the report before. */
export function withHealthRejections(shard: Shard, rejected: readonly UnreadableHealth[], at: number): Shard {
  const settled = [...shard.rejectedReports.values()].flatMap(({ type, name }) =>
    type === 'health' ? [name] : [],
  );
  const rejections = rejected.map(({ service, why, limit }): RejectedReport => ({
    type: 'health',
    name: service,
    why,
    limit,
    at,
  }));
  return withRejections(shard, 'health', settled, rejections);
}

/**
 * A service that is not in the report has no endpoints, unless it is partial, which changes nothing of them. Services
 * that it leaves alike stay the same objects.
 */
export function withHealth(before: Shard, report: HealthReport, now: number): Shard {
  const { proxiesConnected, sentAt } = report;
  const shard = { ...before, proxiesConnected, clockSkewMillis: skew(sentAt, now), asOf: now };
  if (report.partial) return shard;
  const health = new Map(
    report.services.map(({ namespace, name, groups }) => {
      const key = `${namespace}/${name}`;
      const known = shard.health.get(key);
      return [key, known && areAlike(known, groups) ? known : groups];
    }),
  );
  const services = joined(shard.services, health);
  return { ...shard, services, health, counted: true, synced: shard.listed };
}

/** Milliseconds: a larger clock skew is shown as one day, so that it fits a GraphQL Int. */
const mostSkew = 24 * 60 * 60_000;

const skew = (sentAt: number, now: number): number => Math.max(-mostSkew, Math.min(mostSkew, sentAt - now));

function joined(
  services: ReadonlyMap<string, ObservedService>,
  health: ReadonlyMap<string, readonly EndpointGroup[]>,
): ReadonlyMap<string, ObservedService> {
  const differing = [...services].flatMap(([key, service]): [string, ObservedService][] => {
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
