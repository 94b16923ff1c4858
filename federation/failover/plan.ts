import { createHash } from 'node:crypto';
import type { FailoverFrom } from '@isthmus/api/domain/failover.ts';
import type { Diverted } from '@isthmus/mesh/balance/shares.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { UserError } from '../command/command.ts';
import type { Warning } from '../command/warning.ts';
import { refusal } from '../command/refuse.ts';
import type { Now } from '../state/now.ts';
import { targetsOf, targetWarnings, unreachableOf } from './targets.ts';
import { diversionsOf } from './diversions.ts';
import { groupsFor, servicesIn, sharesOf, type ClusterGroup } from './service-groups.ts';

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
  /** Clusters that would take over and that the hub cannot reach: what is known of their endpoints is old. */
  readonly unreachable: readonly string[];
  /** What makes the plan worse than it looks, with what to do. */
  readonly warnings: readonly Warning[];
  /** Hash of the intent and the health that the plan rests on: when it changes, the plan is stale. */
  readonly basis: string;
}

/** What a failover would do, by the very function that moves the connections. */
export function simulate(
  snapshot: Now,
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
  if (names.length === 0)
    return err([
      refusal('NO_SERVICES', 'from', `${clusters.join(', ')} exports no service that has endpoints`),
    ]);
  const services = names.map((name) => planOf(snapshot, request, clusters, name));
  const targets = targetsOf(snapshot, clusters, names);
  return ok({
    request,
    clusters,
    services,
    unreachable: unreachableOf(targets),
    warnings: targetWarnings(targets),
    basis: basisOf(snapshot, clusters, names),
  });
}

function clustersFrom(snapshot: Now, from: FailoverFrom): readonly string[] {
  const members = [...snapshot.intent.clusters.values()]
    .filter(({ value }) => value.admission === 'ADMITTED')
    .map(({ id }) => id);
  if ('cluster' in from) return members.filter((name) => name === from.cluster);
  return members.filter((name) =>
    snapshot.observed.get(name)?.nodes.some(({ region }) => region === from.region),
  );
}

function check(
  snapshot: Now,
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
  snapshot: Now,
  request: FailoverRequest,
  clusters: readonly string[],
  service: string,
): ServicePlan {
  const { percent, scope } = request;
  const added = clusters.map((cluster): Diverted => ({ cluster, percent, remoteOnly: scope === 'REMOTE' }));
  const before = sharesOf(snapshot, service, []);
  const after = [...sharesOf(snapshot, service, added)];
  const moves = after.flatMap(([client, { byGroup }]) =>
    movesBetween(client, byCluster(before.get(client)?.byGroup ?? new Map()), byCluster(byGroup)),
  );
  const noAlternative = after.some(([, one]) =>
    one.noAlternative.some((cluster) => clusters.includes(cluster)),
  );
  return { service, moves, noAlternative };
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

/**
 * Everything that the shares of the plan's services follow from, by its content, and nothing else: a token, or the
 * policy of another service, makes no plan stale. Counts move all the time and are reduced to some or none.
 */
function basisOf(snapshot: Now, clusters: readonly string[], services: readonly string[]): string {
  const { intent, observed } = snapshot;
  const orders = services.map((name) => {
    const policy = intent.trafficPolicies.get(name)?.value;
    return [name, policy?.localityOrder, policy?.regionFailover];
  });
  const standing = diversionsOf(snapshot).filter(
    (one) => one.services.length === 0 || one.services.some((name) => services.includes(name)),
  );
  const members = [...observed.values()].filter(
    ({ cluster }) => intent.clusters.get(cluster)?.value.admission === 'ADMITTED',
  );
  const places = members.map(({ cluster, nodes: [node] }) => [cluster, node?.region, node?.zone]);
  const groups = members.flatMap(({ cluster: client }) =>
    services.map((name) =>
      groupsFor(snapshot, client, name).map(({ cluster, region, zone, transport, healthy }) =>
        [client, name, cluster, region, zone, transport, healthy > 0].join(' '),
      ),
    ),
  );
  return createHash('sha256')
    .update(JSON.stringify([clusters, services, orders, standing, places, groups]))
    .digest('hex');
}
