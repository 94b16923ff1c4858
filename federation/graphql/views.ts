import { X509Certificate } from 'node:crypto';
import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import type { WorkloadSummary } from '@isthmus/api/domain/question.ts';
import type { TrustDomainRecord } from '@isthmus/api/domain/trust.ts';
import { policyVersion } from '../compile/compile.ts';
import { progressOf } from '../failover/operation.ts';
import { isExported } from '../policy/exported.ts';
import { clusterState } from '../state/cluster-state.ts';
import type { Shard } from '../state/observed.ts';
import { emptyShard } from '../state/shard.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';
import type { Stored } from '../store/store.ts';
import { globalId, isoTime } from './pages.ts';

/** Domain records as the schema's types have them. Pure: a snapshot in, plain fields out. */
export function clusterView(snapshot: FederationSnapshot, { value, revision }: Stored<Cluster>) {
  const known = snapshot.observed.get(value.name);
  return {
    __typename: 'Cluster',
    id: globalId('Cluster', value.name),
    name: value.name,
    state: clusterState(value, known),
    admission: value.admission,
    drainPercent: value.drainPercent,
    drainScope: value.drainScope,
    drainDeadline: isoTime(value.drainDeadline),
    trustDomain: value.trustDomain,
    joinedAt: isoTime(value.joinedAt),
    revision,
    staleness: stalenessOf(known),
    ...observedView(known ?? emptyShard(value.name, 0)),
  };
}

function observedView(shard: Shard) {
  const { link, network, agentVersion, nodes, proxiesConnected, conditions, rejections } = shard;
  return {
    link: {
      connected: link.kind === 'CONNECTED',
      unreachableSince: link.kind === 'UNREACHABLE' ? isoTime(link.since) : null,
    },
    ...{ network, agentVersion, nodes, proxiesConnected, conditions, rejections },
    workloadsByMode: Object.entries(shard.workloadsByMode).map(([mode, count]) => ({ mode, count })),
    clockSkewMillis: Math.round(shard.clockSkewMillis),
    gateways: [...shard.gateways.values()],
  };
}

export type ClusterView = ReturnType<typeof clusterView>;

export const stalenessOf = (shard: Shard | undefined) => ({
  asOf: isoTime(shard?.asOf),
  reachable: shard?.link.kind === 'CONNECTED',
});

/** Every service that any member has, by `namespace/name`. */
export function serviceNames(snapshot: FederationSnapshot): readonly string[] {
  return [...new Set(members(snapshot).flatMap(({ services }) => [...services.keys()]))];
}

const members = ({ intent, observed }: FederationSnapshot): readonly Shard[] =>
  [...observed.values()].filter(
    ({ cluster }) => intent.clusters.get(cluster)?.value.admission === 'ADMITTED',
  );

export function serviceView(snapshot: FederationSnapshot, key: string) {
  const holders = members(snapshot).flatMap((shard) => {
    const service = shard.services.get(key);
    return service ? [{ shard, service }] : [];
  });
  const [first] = holders;
  if (!first) return undefined;
  const traffic = snapshot.intent.trafficPolicies.get(key);
  const { namespace, name, hostname, ports } = first.service;
  return {
    ...{ __typename: 'Service', id: globalId('Service', key), namespace, name, hostname, ports },
    clusters: holders.map(({ shard, service }) => ({
      cluster: shard.cluster,
      exported: isExported(snapshot, shard.cluster, service),
      groups: service.groups,
      healthy: service.groups.reduce((sum, { healthy }) => sum + healthy, 0),
      total: service.groups.reduce((sum, { total }) => sum + total, 0),
      ...{ conditions: service.conditions, staleness: stalenessOf(shard) },
    })),
    trafficPolicy: traffic ? { ...traffic.value, revision: traffic.revision } : null,
  };
}

export const workloadView = (cluster: string, workload: WorkloadSummary) => ({
  ...{ __typename: 'Workload', id: globalId('Workload', workload.uid), cluster, ...workload },
});

export function trustDomainView(
  { intent, observed }: FederationSnapshot,
  { value }: Stored<TrustDomainRecord>,
) {
  const acknowledged = (keyId: string) =>
    [...observed.values()]
      .filter(({ applied }) => applied.get(`intermediate/${keyId}`)?.state === 'APPLIED')
      .map(({ cluster }) => cluster);
  return {
    __typename: 'TrustDomain',
    id: globalId('TrustDomain', value.name),
    name: value.name,
    sequence: value.sequence,
    rootNotAfter: isoTime(Date.parse(new X509Certificate(value.rootCertificatePem).validTo)),
    intermediates: [...intent.intermediates.values()]
      .filter((one) => one.value.trustDomain === value.name)
      .map(({ value: { keyId, cluster, notAfter, activated, revoked } }) => ({
        keyId,
        cluster,
        notAfter: isoTime(notAfter),
        activated,
        revoked,
        acknowledgedBy: acknowledged(keyId),
      })),
  };
}

export function policyView(snapshot: FederationSnapshot, stored: Stored<AccessPolicy>) {
  const { value, revision } = stored;
  const { clusters, labels } = value.target;
  const version = policyVersion(snapshot, stored);
  const status = members(snapshot)
    .filter(({ cluster }) => clusters.length === 0 || clusters.includes(cluster))
    .map(({ cluster, applied }) => {
      const said = applied.get(`policy/${value.name}`);
      // What was said of an earlier revision is no answer for this one.
      const current = said?.version === version ? said : undefined;
      return {
        cluster,
        state: current?.state ?? 'PENDING',
        message: current?.message ?? '',
        proxies: current?.proxies ?? 0,
      };
    });
  return {
    ...value,
    __typename: 'AccessPolicy',
    id: globalId('AccessPolicy', value.name),
    target: { ...value.target, labels: Object.entries(labels).map(([key, text]) => ({ key, value: text })) },
    revision,
    status,
  };
}

export function operationView(snapshot: FederationSnapshot, operation: Operation) {
  const progress = progressOf(operation, snapshot);
  return {
    ...progress,
    __typename: 'Operation',
    id: globalId('Operation', operation.id),
    operationId: operation.id,
    startedAt: isoTime(operation.startedAt),
  };
}

export const failoverView = (failover: Failover) => ({
  ...{ ...failover, __typename: 'Failover', id: globalId('Failover', failover.id), failoverId: failover.id },
  cluster: 'cluster' in failover.from ? failover.from.cluster : null,
  region: 'region' in failover.from ? failover.from.region : null,
  ...{ createdAt: isoTime(failover.createdAt), expiresAt: isoTime(failover.expiresAt) },
});
