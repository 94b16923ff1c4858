import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { formatTrafficShiftId } from '@isthmus/api/domain/traffic-shift-id.ts';
import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { formatRemoteName } from '@isthmus/api/domain/remote-name.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import { written, writtenServices, type ChangeSet } from '../observation/change-set.ts';
import type { Now } from '../state/now.ts';
import type { IntentKind } from '../store/store.ts';
import type { Names } from './compiled.ts';

class CollectedNames {
  readonly byType = new Map<DownType, Set<string>>();

  add(type: DownType, name: string): void {
    const names = this.byType.get(type);
    if (names) names.add(name);
    else this.byType.set(type, new Set([name]));
  }
}

/**
 * The names that must be compiled again after a change. It may name more than differs, as an equal result is not a change.
 * `services`: what `touchedServices` gives for the change.
 */
export function reached(
  changes: ChangeSet,
  now: Now,
  services: ReadonlyMap<ClusterName, ReadonlySet<ServiceKey>>,
): Names {
  const names = new CollectedNames();
  if (changes.hub.has('outside')) names.add('hub-address', 'self');
  reachedByIntent(names, changes, now);
  for (const [cluster, keys] of services)
    for (const service of keys) {
      names.add('remote', formatRemoteName({ cluster, service }));
      names.add('grant', service);
    }
  for (const cluster of changes.gateways)
    for (const service of now.observed.get(cluster)?.services.keys() ?? [])
      names.add('remote', formatRemoteName({ cluster, service }));
  return names.byType;
}

/** Kinds of intent of which each object is compiled by itself, under its own name. */
const sameNames: readonly (readonly [IntentKind, readonly DownType[]])[] = [
  ['trustDomain', ['trust-bundle']],
  ['intermediate', ['intermediate', 'activation']],
  ['accessPolicy', ['policy']],
  ['trafficPolicy', ['traffic']],
];

function reachedByIntent(names: CollectedNames, changes: ChangeSet, now: Now): void {
  for (const [kind, types] of sameNames)
    for (const name of written(changes, kind).keys()) for (const type of types) names.add(type, name);
  for (const [cluster, before] of written(changes, 'cluster'))
    reachedByCluster(names, cluster, before?.value, now);
  for (const [failover, before] of written(changes, 'failover'))
    for (const value of [before?.value, now.intent.failovers.get(failover)?.value])
      for (const cluster of value?.clusters ?? [])
        names.add('diversion', formatTrafficShiftId({ failover, cluster }));
}

function reachedByCluster(
  names: CollectedNames,
  cluster: ClusterName,
  before: Cluster | undefined,
  { intent }: Now,
): void {
  names.add('member', cluster);
  names.add('diversion', formatTrafficShiftId({ drain: cluster }));
  if (before?.namespaces === intent.clusters.get(cluster)?.value.namespaces) return;
  for (const { id, value } of intent.intermediates.values())
    if (value.cluster === cluster) names.add('intermediate', id);
}

/** Services of clusters of which it may be another answer than before whether they are exported, and how they are. */
export function touchedServices(
  changes: ChangeSet,
  now: Now,
): ReadonlyMap<ClusterName, ReadonlySet<ServiceKey>> {
  const touched = new Map<ClusterName, Set<ServiceKey>>();
  const add = (cluster: ClusterName, keys: Iterable<ServiceKey>) => {
    const known = touched.get(cluster) ?? new Set();
    for (const key of keys) known.add(key);
    touched.set(cluster, known);
  };
  for (const [cluster, keys] of changes.services) add(cluster, keys);
  for (const [cluster, before] of written(changes, 'cluster'))
    if (exportsOtherwise(before?.value, now.intent.clusters.get(cluster)?.value))
      add(cluster, now.observed.get(cluster)?.services.keys() ?? []);
  for (const key of writtenServices(changes, 'serviceExport', 'exportApproval'))
    for (const cluster of now.index.exports.holders(key).keys()) add(cluster, [key]);
  return touched;
}

const exportsOtherwise = (before: Cluster | undefined, after: Cluster | undefined): boolean =>
  before?.admission !== after?.admission || before?.namespaces !== after?.namespaces;

/** Every name that may go down: what is compiled at first, and what tests compare with. */
export function allNames({ intent, observed, index }: Now): Names {
  const names = new CollectedNames();
  names.add('hub-address', 'self');
  for (const name of intent.trustDomains.keys()) names.add('trust-bundle', name);
  for (const name of intent.intermediates.keys()) {
    names.add('intermediate', name);
    names.add('activation', name);
  }
  for (const name of intent.accessPolicies.keys()) names.add('policy', name);
  for (const name of intent.trafficPolicies.keys()) names.add('traffic', name);
  for (const cluster of intent.clusters.keys()) {
    names.add('member', cluster);
    names.add('diversion', formatTrafficShiftId({ drain: cluster }));
  }
  for (const { id: failover, value } of intent.failovers.values())
    for (const cluster of value.clusters) names.add('diversion', formatTrafficShiftId({ failover, cluster }));
  for (const key of index.exports.keys) names.add('grant', key);
  for (const { cluster, services } of observed.values())
    for (const service of services.keys()) names.add('remote', formatRemoteName({ cluster, service }));
  return names.byType;
}
