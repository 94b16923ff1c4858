import type { WorkloadHealth, WorkloadSummary } from '@isthmus/api/domain/question.ts';
import { builder } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

export const workloadView = (cluster: string, workload: WorkloadSummary) => ({
  ...workload,
  __typename: 'Workload',
  id: globalId('Workload', workload.uid),
  cluster,
});

export type WorkloadView = ReturnType<typeof workloadView>;

export const workloadModeType = builder.enumType('WorkloadMode', {
  values: ['AMBIENT', 'SIDECAR', 'NONE', 'GATEWAY'] as const,
});

const healthType = builder.objectRef<WorkloadHealth>('WorkloadHealth').implement({
  description:
    'Whether a workload can be reached as an endpoint: its pod is ready, and its proxy is connected, has acknowledged it and holds a valid certificate.',
  fields: (t) => ({
    healthy: t.exposeBoolean('healthy'),
    reason: t.exposeString('reason', {
      description:
        'Why it is not healthy: the first cause found, e.g. PROXY_MISSING. NOT_CAPTURED: it is reached in plaintext alone, as its labels put it into the mesh and nobody captures its traffic. Empty otherwise.',
    }),
    message: t.exposeString('message'),
    remedy: t.exposeString('remedy'),
    stale: t.exposeBoolean('stale', {
      description:
        'Unproven: the last known value, for at most 30 seconds after its proxy was lost, or a certificate that was issued before the agent’s record began, for at most a day.',
    }),
  }),
});

const workloadType = builder.objectRef<WorkloadView>('Workload').implement({
  description: 'Queried live from the cluster’s agent: the hub stores no pods.',
  interfaces: [nodeType],
  fields: (t) => ({
    uid: t.exposeString('uid'),
    name: t.exposeString('name'),
    namespace: t.exposeString('namespace'),
    cluster: t.exposeString('cluster'),
    node: t.exposeString('node'),
    mode: t.expose('mode', { type: workloadModeType }),
    ready: t.exposeBoolean('ready'),
    spiffeId: t.exposeString('spiffeId'),
    addresses: t.exposeStringList('addresses'),
    services: t.exposeStringList('services'),
    policies: t.exposeStringList('policies'),
    health: t.expose('health', {
      type: healthType,
      nullable: true,
      description: 'Null when the cluster’s agent is too old to say.',
    }),
    deniesByDefault: t.exposeBoolean('deniesByDefault', {
      description: 'An ALLOW selects it: connections that no ALLOW permits are denied.',
    }),
  }),
});

export const workloadConnection = connectionOf('Workload', workloadType);
