import { warning, type Warning } from '../command/warning.ts';
import type { Now } from '../state/now.ts';
import { isExported } from '../policy/exported.ts';
import { usableGateways } from '../policy/gateways.ts';

/** A cluster that exports a service which should leave others, and how its endpoints there are. */
export interface Target {
  readonly cluster: string;
  readonly service: string;
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
  services: readonly string[],
): readonly Target[] {
  return [...snapshot.observed.values()].flatMap((record) => {
    const { cluster, link } = record;
    if (left.includes(cluster) || snapshot.intent.clusters.get(cluster)?.value.admission !== 'ADMITTED')
      return [];
    const lacksGateway = !usableGateways(snapshot, record).some(({ ready }) => ready);
    return services.flatMap((service): Target[] => {
      const found = record.services.get(service);
      if (!found || !isExported(snapshot, cluster, found)) return [];
      const sum = (count: 'healthy' | 'total') => found.groups.reduce((all, group) => all + group[count], 0);
      const [healthy, total] = [sum('healthy'), sum('total')];
      return total === 0
        ? []
        : [{ cluster, service, healthy, total, isReachable: link.kind === 'CONNECTED', lacksGateway }];
    });
  });
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
  services: readonly string[],
): readonly Warning[] {
  const targets = targetsOf(snapshot, left, services);
  const from = left.join(', ');
  const nowhere = services.filter((name) => !targets.some(({ service }) => service === name));
  const elsewhere = services.filter((name) => !nowhere.includes(name));
  const sentences = [
    ...(nowhere.length > 0 ? [`no cluster but ${from} has ${nowhere.join(', ')}: it will not move`] : []),
    ...elsewhere.map((name) => {
      const why = targets.filter(({ service }) => service === name).map(blockedBy);
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
  return `${cluster} ${reasons.length > 0 ? reasons.join(' and ') : 'cannot be entered, or is being left too'}`;
}
