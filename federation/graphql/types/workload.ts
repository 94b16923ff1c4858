import type { WorkloadSummary } from '@isthmus/api/domain/question.ts';
import { builder } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

export const workloadView = (cluster: string, workload: WorkloadSummary) => ({
  ...workload,
  ...{ __typename: 'Workload', id: globalId('Workload', workload.uid), cluster },
});

export type WorkloadView = ReturnType<typeof workloadView>;

export const workloadModeType = builder.enumType('WorkloadMode', {
  values: ['AMBIENT', 'SIDECAR', 'NONE', 'GATEWAY'] as const,
});

const workloadType = builder.objectRef<WorkloadView>('Workload').implement({
  description: 'Asked of the cluster’s agent at this moment; the hub keeps no pods.',
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
    deniesByDefault: t.exposeBoolean('deniesByDefault', {
      description: 'An ALLOW applies to it: whatever no ALLOW permits is denied.',
    }),
  }),
});

export const workloadConnection = connectionOf('Workload', workloadType);
