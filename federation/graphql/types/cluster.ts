import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { Gateway } from '@isthmus/api/domain/report.ts';
import { conditionsOf } from '../../conditions/conditions.ts';
import { clusterState } from '../../conditions/cluster-state.ts';
import type { ClusterRecord } from '../../observation/cluster-record.ts';
import { emptyRecord } from '../../observation/record-steps.ts';
import type { Now } from '../../state/now.ts';
import type { Stored } from '../../store/store.ts';
import { builder, elements } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { conditionType, scopeType, stalenessOf, stalenessType } from './common.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';
import { rejectionCountsType, rejectionType } from './rejection.ts';
import { workloadModeType } from './workload.ts';

/** A cluster as it is shown: intent, what was observed, and what follows from both. */
export function clusterView(snapshot: Now, { value, revision }: Stored<Cluster>) {
  const known = snapshot.observed.get(value.name);
  return {
    ...(known ?? emptyRecord(value.name, 0)),
    ...value,
    network: known?.network ?? '',
    admittedNetwork: value.network,
    conditions: conditionsOf(snapshot, value.name),
    __typename: 'Cluster',
    id: globalId('Cluster', value.name),
    state: clusterState(value, known),
    staleness: stalenessOf(known),
    revision,
  };
}

export type ClusterView = ReturnType<typeof clusterView>;

/** The view with the ages of now, which move with each heartbeat and are no change. */
export const withAges = (view: ClusterView, record: ClusterRecord | undefined): ClusterView =>
  record === undefined
    ? view
    : {
        ...view,
        asOf: record.asOf,
        clockSkewMillis: record.clockSkewMillis,
        staleness: stalenessOf(record),
      };

const admissionType = builder.enumType('Admission', { values: ['PENDING', 'ADMITTED', 'REVOKED'] as const });

const stateType = builder.enumType('ClusterState', {
  values: ['REVOKED', 'UNREACHABLE', 'DRAINED', 'DRAINING', 'ACTIVE', 'PENDING'] as const,
});

const linkType = builder.objectRef<ClusterRecord['link']>('ClusterLink').implement({
  fields: (t) => ({
    connected: t.boolean({ resolve: ({ kind }) => kind === 'CONNECTED' }),
    unreachableSince: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: (link) => (link.kind === 'UNREACHABLE' && link.since > 0 ? link.since : undefined),
    }),
  }),
});

const roleType = builder.enumType('AgentRole', {
  description:
    'All replicas of an agent serve proxies. One leads: it reports, and writes to the API of its cluster.',
  values: ['LEADER', 'FOLLOWER'] as const,
});

const replicaType = builder.objectRef<ClusterRecord['replicas'][number]>('AgentReplica').implement({
  description: 'A replica of the agent of a cluster that has a link to the hub.',
  fields: (t) => ({
    id: t.exposeString('id', { description: 'The name of its pod; main outside Kubernetes.' }),
    role: t.field({ type: roleType, resolve: ({ leads }) => (leads ? 'LEADER' : 'FOLLOWER') }),
    since: t.expose('since', { type: 'DateTime', description: 'When its link began.' }),
    agentVersion: t.exposeString('agentVersion', { description: 'Empty: it does not say.' }),
  }),
});

const clusterNodeType = builder.objectRef<ClusterRecord['nodes'][number]>('ClusterNode').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    region: t.exposeString('region'),
    zone: t.exposeString('zone'),
  }),
});

const modeCountType = builder
  .objectRef<{ readonly mode: 'AMBIENT' | 'SIDECAR' | 'NONE' | 'GATEWAY'; readonly count: number }>(
    'ModeCount',
  )
  .implement({
    fields: (t) => ({ mode: t.expose('mode', { type: workloadModeType }), count: t.exposeInt('count') }),
  });

const gatewayType = builder.objectRef<Gateway>('Gateway').implement({
  fields: (t) => ({
    network: t.exposeString('network'),
    address: t.exposeString('address'),
    hbonePort: t.exposeInt('hbonePort'),
    passthroughPort: t.exposeInt('passthroughPort', { description: '0: it has no SNI passthrough.' }),
    spiffeId: t.exposeString('spiffeId'),
    ready: t.exposeBoolean('ready'),
  }),
});

export const clusterType = builder.objectRef<ClusterView>('Cluster').implement({
  interfaces: [nodeType],
  fields: (t) => ({
    name: t.exposeString('name'),
    state: t.expose('state', { type: stateType, description: 'Derived from the fields below, for display.' }),
    admission: t.expose('admission', { type: admissionType }),
    drainPercent: t.exposeInt('drainPercent'),
    drainScope: t.expose('drainScope', { type: scopeType }),
    drainDeadline: t.expose('drainDeadline', {
      type: 'DateTime',
      nullable: true,
      description: 'When connections that are still open are closed; null if they are not.',
    }),
    link: t.expose('link', { type: linkType }),
    staleness: t.expose('staleness', { type: stalenessType }),
    trustDomain: t.exposeString('trustDomain'),
    joinedAt: t.expose('joinedAt', { type: 'DateTime', nullable: true }),
    revision: t.exposeInt('revision', { description: 'For expectedRevision.' }),
    network: t.exposeString('network', { description: 'As its agent reports it.' }),
    admittedNetwork: t.exposeString('admittedNetwork', {
      nullable: true,
      description:
        'The network that it was admitted for: the one that its join token names, otherwise the first one that its agent reports and that no other cluster has. Null: not decided yet.',
    }),
    namespaces: t.exposeStringList('namespaces', {
      nullable: true,
      description: 'Namespaces whose identities it may host; null: all.',
    }),
    agentVersion: t.exposeString('agentVersion'),
    replicas: t.expose('replicas', { type: [replicaType], nullable: elements }),
    nodes: t.expose('nodes', { type: [clusterNodeType], nullable: elements }),
    workloadsByMode: t.field({
      type: [modeCountType],
      nullable: elements,
      resolve: ({ workloadsByMode: counts }) =>
        (['AMBIENT', 'SIDECAR', 'NONE', 'GATEWAY'] as const).flatMap((mode) => {
          const count = counts[mode];
          return count === undefined ? [] : [{ mode, count }];
        }),
    }),
    proxiesConnected: t.exposeInt('proxiesConnected'),
    clockSkewMillis: t.int({ resolve: ({ clockSkewMillis }) => Math.round(clockSkewMillis) }),
    gateways: t.field({
      type: [gatewayType],
      nullable: elements,
      resolve: ({ gateways }) => [...gateways.values()],
    }),
    conditions: t.expose('conditions', { type: [conditionType], nullable: elements }),
    rejections: t.expose('rejections', {
      type: [rejectionType],
      nullable: elements,
      description: 'The gravest 100. The query rejections pages through all of them.',
    }),
    rejectionCounts: t.expose('rejectionCounts', { type: rejectionCountsType }),
  }),
});

export const clusterConnection = connectionOf('Cluster', clusterType);
