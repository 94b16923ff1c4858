import { createHash } from 'node:crypto';
import type { FailoverFrom } from '@isthmus/api/domain/failover.ts';
import { shares, type Diverted } from '@isthmus/mesh/balance/shares.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { UserError } from '../command/command.ts';
import { refusal } from '../command/refuse.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';
import { diversionsOf } from './diversions.ts';
import { groupsOf, servicesIn, type ClusterGroup } from './service-groups.ts';

export interface FailoverRequest {
  readonly from: FailoverFrom;
  /** `<namespace>/<name>`; empty: every exported service there. */
  readonly services: readonly string[];
  readonly percent: number;
  readonly scope: 'ALL' | 'REMOTE';
  readonly expiresAt: number | undefined;
}

/** A share of one cluster's clients that would go elsewhere. */
export interface Move {
  readonly client: string;
  readonly from: string;
  readonly to: string;
  /** Percent of that client cluster's new connections. */
  readonly percent: number;
}

export interface ServicePlan {
  readonly service: string;
  readonly moves: readonly Move[];
  readonly noAlternative: boolean;
}

export interface Plan {
  readonly request: FailoverRequest;
  readonly clusters: readonly string[];
  readonly services: readonly ServicePlan[];
  /** Hash of the intent and the health that the plan rests on: when it changes, the plan is stale. */
  readonly basis: string;
}

/** What a failover would do, by the very function that moves the connections. */
export function simulate(
  snapshot: FederationSnapshot,
  request: FailoverRequest,
  now: number,
): Result<Plan, readonly UserError[]> {
  const clusters = clustersFrom(snapshot, request.from);
  const errors = check(snapshot, request, clusters, now);
  if (errors.length > 0) return err(errors);
  const names =
    request.services.length > 0
      ? request.services
      : [...new Set(clusters.flatMap((cluster) => servicesIn(snapshot, cluster)))].sort();
  const services = names.map((name) => planOf(snapshot, request, clusters, name));
  return ok({ request, clusters, services, basis: basisOf(snapshot, names) });
}

function clustersFrom(snapshot: FederationSnapshot, from: FailoverFrom): readonly string[] {
  const members = [...snapshot.intent.clusters.values()]
    .filter(({ value }) => value.admission === 'ADMITTED')
    .map(({ id }) => id);
  if ('cluster' in from) return members.filter((name) => name === from.cluster);
  return members.filter((name) =>
    snapshot.observed.get(name)?.nodes.some(({ region }) => region === from.region),
  );
}

function check(
  snapshot: FederationSnapshot,
  request: FailoverRequest,
  clusters: readonly string[],
  now: number,
): readonly UserError[] {
  const errors: UserError[] = [];
  if (clusters.length === 0)
    errors.push(
      'cluster' in request.from
        ? refusal(
            'NOT_FOUND',
            'from.cluster',
            `no member cluster '${request.from.cluster}': isthmus clusters lists them`,
          )
        : refusal(
            'NOT_FOUND',
            'from.region',
            `no member cluster has a node in region '${request.from.region}'`,
          ),
    );
  if (!Number.isInteger(request.percent) || request.percent < 1 || request.percent > 100)
    errors.push(refusal('INVALID', 'percent', 'percent is a whole number from 1 to 100'));
  if (request.expiresAt !== undefined && request.expiresAt <= now)
    errors.push(refusal('INVALID', 'expiresAt', 'the time has passed'));
  request.services.forEach((service, i) => {
    if (
      clusters.length > 0 &&
      !clusters.some((cluster) => snapshot.observed.get(cluster)?.services.has(service))
    )
      errors.push(refusal('NOT_FOUND', `services.${i}`, `no service ${service} in ${clusters.join(', ')}`));
  });
  return errors;
}

function planOf(
  snapshot: FederationSnapshot,
  request: FailoverRequest,
  clusters: readonly string[],
  service: string,
): ServicePlan {
  const groups = groupsOf(snapshot, service);
  const standing = diversionsOf(snapshot).filter(
    (one) => one.services.length === 0 || one.services.includes(service),
  );
  const added = clusters.map((cluster): Diverted => ({
    cluster,
    percent: request.percent,
    remoteOnly: request.scope === 'REMOTE',
  }));
  const clients = [...snapshot.observed.values()].filter(
    ({ cluster }) => snapshot.intent.clusters.get(cluster)?.value.admission === 'ADMITTED',
  );
  const results = clients.map(({ cluster, nodes }) => {
    const client = { cluster, region: nodes[0]?.region ?? '', zone: nodes[0]?.zone ?? '' };
    const ask = (diversions: readonly Diverted[]) =>
      shares({ client, groups, diversions, ...orderOf(snapshot, service) });
    return { client: cluster, before: byCluster(ask(standing).byGroup), after: ask([...standing, ...added]) };
  });
  const moves = results.flatMap(({ client, before, after }) =>
    movesBetween(client, before, byCluster(after.byGroup)),
  );
  const noAlternative = results.some(({ after }) =>
    after.noAlternative.some((cluster) => clusters.includes(cluster)),
  );
  return { service, moves, noAlternative };
}

export function orderOf({ intent }: FederationSnapshot, service: string) {
  const policy = intent.trafficPolicies.get(service)?.value;
  return { localityOrder: policy?.localityOrder ?? [], regionFailover: policy?.regionFailover ?? [] };
}

function byCluster(byGroup: ReadonlyMap<ClusterGroup, number>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [{ cluster }, share] of byGroup) sums.set(cluster, (sums.get(cluster) ?? 0) + share);
  return sums;
}

/** What each cluster gains came from those that lose, in proportion. */
function movesBetween(
  client: string,
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): readonly Move[] {
  const change = (cluster: string) => (after.get(cluster) ?? 0) - (before.get(cluster) ?? 0);
  const all = [...new Set([...before.keys(), ...after.keys()])];
  const losers = all.filter((cluster) => change(cluster) < -1e-9);
  const lost = losers.reduce((sum, cluster) => sum - change(cluster), 0);
  const gainers = all.filter((cluster) => change(cluster) > 1e-9);
  return losers.flatMap((from) =>
    gainers.map((to) => ({
      client,
      from,
      to,
      percent: Math.round(((change(to) * -change(from)) / lost) * 1000) / 10,
    })),
  );
}

function basisOf(snapshot: FederationSnapshot, services: readonly string[]): string {
  const { clusters, trafficPolicies, failovers, serviceExports } = snapshot.intent;
  const intent = [clusters, trafficPolicies, failovers, serviceExports].map((map) =>
    [...map.values()].map(({ id, revision }) => [id, revision]),
  );
  const health = services.map((name) => [
    name,
    groupsOf(snapshot, name).map(({ cluster, region, zone, transport, healthy }) => [
      cluster,
      region,
      zone,
      transport,
      healthy > 0,
    ]),
  ]);
  return createHash('sha256')
    .update(JSON.stringify([intent, health]))
    .digest('hex');
}
