import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import { warning, type Warning } from '../command/warning.ts';
import { isHeard } from '../observation/replica.ts';
import type { Now } from '../state/now.ts';
import { usableGateways } from '../policy/gateways.ts';
import { total } from './service-groups.ts';

/** A cluster that exports a service which should leave others, and how its endpoints there are. */
export interface Target {
  readonly cluster: string;
  readonly service: ServiceKey;
  readonly healthy: number;
  readonly total: number;
  readonly isReachable: boolean;
  /** None of its gateways is ready: other clusters cannot enter. */
  readonly lacksGateway: boolean;
}

/** Members, beside those that are left, that export any of the services, whether or not anything there is healthy. */
export function targetsOf(
  snapshot: Now,
  left: readonly string[],
  services: readonly ServiceKey[],
): readonly Target[] {
  const leaving = new Set(left);
  const byCluster = new Map<string, Target[]>();
  for (const service of services)
    for (const cluster of snapshot.index.exports.exporters(service)) {
      const found = snapshot.index.exports.holders(service).get(cluster);
      const all = found && !leaving.has(cluster) ? total(found.groups) : 0;
      if (!found || all === 0) continue;
      const others = byCluster.get(cluster) ?? [];
      byCluster.set(cluster, others);
      others.push({
        cluster,
        service,
        healthy: found.groups.reduce((sum, { healthy }) => sum + healthy, 0),
        total: all,
        isReachable: isReachable(snapshot, cluster),
        lacksGateway: others[0]?.lacksGateway ?? lacksGateway(snapshot, cluster),
      });
    }
  return [...snapshot.observed.keys()].flatMap((cluster) => byCluster.get(cluster) ?? []);
}

function isReachable({ observed }: Now, cluster: string): boolean {
  const record = observed.get(cluster);
  return record !== undefined && isHeard(record);
}

function lacksGateway(snapshot: Now, cluster: string): boolean {
  const record = snapshot.observed.get(cluster);
  return !record || !usableGateways(snapshot, record).some(({ ready }) => ready);
}

/** Every target cluster that the hub does not hear from, each once. */
export const unreachableOf = (targets: readonly Target[]): readonly string[] => [
  ...new Set(targets.filter((one) => !one.isReachable).map(({ cluster }) => cluster)),
];

/** What of the targets would not work, or is not known to. */
export function targetWarnings(targets: readonly Target[]): readonly Warning[] {
  const unreachable = unreachableOf(targets).map((cluster) =>
    warning(
      'TARGET_UNREACHABLE',
      'from',
      `${cluster} is unreachable: its endpoints are counted as it last reported them; check its agent before you rely on it`,
    ),
  );
  const noGateway = [...new Set(targets.filter((one) => one.lacksGateway).map(({ cluster }) => cluster))].map(
    (cluster) =>
      warning(
        'TARGET_WITHOUT_GATEWAY',
        'from',
        `${cluster} has no healthy east-west gateway: other clusters cannot reach its services`,
      ),
  );
  const unhealthy = targets
    .filter(({ healthy, total }) => healthy < total)
    .map(({ cluster, service, healthy, total }) =>
      warning(
        'TARGET_UNHEALTHY',
        'from',
        `${service} has ${healthy} of ${total} endpoints healthy in ${cluster}: isthmus check --cluster ${cluster} shows why`,
      ),
    );
  return [...unreachable, ...noGateway, ...unhealthy];
}

/** Why a service that should leave a cluster stays there, for each service. */
export function whyItStays(
  snapshot: Now,
  left: readonly string[],
  services: readonly ServiceKey[],
): readonly Warning[] {
  const targets = targetsOf(snapshot, left, services);
  const byService = new Map<string, Target[]>(services.map((name) => [name, []]));
  for (const target of targets) byService.get(target.service)?.push(target);
  const from = left.join(', ');
  const nowhere = services.filter((name) => byService.get(name)?.length === 0);
  const elsewhere = services.filter((name) => byService.get(name)?.length !== 0);
  const sentences = [
    ...(nowhere.length > 0 ? [`no cluster but ${from} has ${nowhere.join(', ')}: it will not move`] : []),
    ...elsewhere.map((name) => {
      const why = byService.get(name)?.map(blockedBy) ?? [];
      return `no healthy alternative for ${name} outside ${from}: ${why.join('; ')}: it will not move`;
    }),
  ];
  return sentences.map((one) => warning('NO_ALTERNATIVE', '', one));
}

function blockedBy({ cluster, healthy, total, isReachable, lacksGateway }: Target): string {
  const reasons = [
    ...(isReachable ? [] : ['is unreachable']),
    ...(lacksGateway ? ['has no healthy gateway'] : []),
    ...(healthy === 0 ? [`has 0 of ${total} endpoints healthy`] : []),
  ];
  return `${cluster} ${reasons.length > 0 ? reasons.join(' and ') : 'accepts no traffic, or is being drained too'}`;
}
