import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import type { FailoverFrom } from '@isthmus/api/domain/failover.ts';
import type { Diverted } from '@isthmus/mesh/balance/shares.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { UserError } from '../command/command.ts';
import type { Warning } from '../command/warning.ts';
import { refusal } from '../command/refuse.ts';
import type { Now } from '../state/now.ts';
import { targetsOf, targetWarnings, unreachableOf } from './targets.ts';
import type { ClusterGroup } from './held.ts';
import { PlanReader, type Basis } from './plan-reader.ts';
import { sharesOf, type Client } from './service-groups.ts';

export interface FailoverRequest {
  readonly from: FailoverFrom;
  /** Empty: every exported service there. */
  readonly services: readonly ServiceKey[];
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
  readonly service: ServiceKey;
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
  /** What the plan rests on: when that is another one, the plan is stale. */
  readonly basis: Basis;
}

/** What a failover would do, by the very function that moves the connections. `at`: epoch milliseconds. */
export function simulate(now: Now, request: FailoverRequest, at: number): Result<Plan, readonly UserError[]> {
  const reader = new PlanReader(now);
  const moved = movedBy(reader, request, at);
  if (!moved.ok) return moved;
  const { clusters, services } = moved.value;
  const targets = targetsOf(
    now,
    clusters,
    services.map(({ service }) => service),
  );
  return ok({
    request,
    clusters,
    services,
    unreachable: unreachableOf(targets),
    warnings: targetWarnings(targets),
    basis: reader.basis,
  });
}

/** What would move. It reads nothing but what the reader notes. */
function movedBy(
  reader: PlanReader,
  request: FailoverRequest,
  at: number,
): Result<Pick<Plan, 'clusters' | 'services'>, readonly UserError[]> {
  const clusters = reader.leaving(request.from);
  const errors = check(reader, request, clusters, at);
  if (errors.length > 0) return err(errors);
  const names =
    request.services.length > 0
      ? request.services
      : [...new Set(clusters.flatMap((cluster) => reader.services(cluster)))].sort();
  if (names.length === 0)
    return err([
      refusal('NO_SERVICES', 'from', `${clusters.join(', ')} exports no service that has endpoints`),
    ]);
  const clients = reader.clients();
  return ok({
    clusters,
    services: names.map((name) => planOf(reader, request, { clusters, clients }, name)),
  });
}

function check(
  reader: PlanReader,
  request: FailoverRequest,
  clusters: readonly string[],
  at: number,
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
  if (request.expiresAt !== undefined && request.expiresAt <= at)
    errors.push(refusal('INVALID', 'expiresAt', 'the time has passed'));
  const leaving = new Set(clusters);
  request.services.forEach((service, i) => {
    if (clusters.length > 0 && !reader.held(service).some(({ cluster }) => leaving.has(cluster)))
      errors.push(refusal('NOT_FOUND', `services.${i}`, `no service ${service} in ${clusters.join(', ')}`));
  });
  return errors;
}

function planOf(
  reader: PlanReader,
  { percent, scope }: FailoverRequest,
  { clusters, clients }: { readonly clusters: readonly string[]; readonly clients: readonly Client[] },
  service: ServiceKey,
): ServicePlan {
  const added = clusters.map((cluster): Diverted => ({ cluster, percent, remoteOnly: scope === 'REMOTE' }));
  const standing = reader.shifts(service);
  const input = {
    clients,
    held: reader.held(service),
    order: reader.order(service),
    trafficShifts: standing,
  };
  const before = sharesOf(input);
  const after = [...sharesOf({ ...input, trafficShifts: [...standing, ...added] })];
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
