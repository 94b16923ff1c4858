import type { PolicySummary, PolicyVerdict } from '@isthmus/api/domain/question.ts';
import { builder, elements } from '../builder.ts';
import { connectionOf } from './connection.ts';
import { labelType, labelsOf } from './label.ts';

const verdictStatusType = builder.enumType('PolicyVerdictStatus', {
  values: { TRUE: { value: 'True' }, FALSE: { value: 'False' }, UNKNOWN: { value: 'Unknown' } } as const,
});

const verdictType = builder.objectRef<PolicyVerdict>('PolicyVerdict').implement({
  description: 'What the agent says of a policy in a condition of its status.',
  fields: (t) => ({
    status: t.expose('status', { type: verdictStatusType }),
    reason: t.exposeString('reason', { description: 'CamelCase, stable: Pending.' }),
    message: t.exposeString('message'),
  }),
});

const clusterPolicyType = builder.objectRef<PolicySummary>('ClusterPolicy').implement({
  description:
    'An AuthorizationPolicy or a PeerAuthentication that a cluster itself has. Queried live from its agent: the hub stores none.',
  fields: (t) => ({
    kind: t.exposeString('kind'),
    namespace: t.exposeString('namespace'),
    name: t.exposeString('name'),
    action: t.exposeString('action', {
      description:
        'ALLOW, DENY or AUDIT of an AuthorizationPolicy, the mode of a PeerAuthentication. Empty: no form of it could be read.',
    }),
    selector: t.field({
      type: [labelType],
      nullable: elements,
      description:
        'Labels of the workloads that it selects. None: all of its namespace, or of the mesh in the root namespace.',
      resolve: ({ selector }) => labelsOf(selector),
    }),
    accepted: t.expose('accepted', {
      type: verdictType,
      description: 'Whether an L4 proxy can enforce it, and what of it not.',
    }),
    enforced: t.expose('enforced', {
      type: verdictType,
      description: 'Whether each proxy that has to enforce it has acknowledged it.',
    }),
  }),
});

export const clusterPolicyConnection = connectionOf('ClusterPolicy', clusterPolicyType);
