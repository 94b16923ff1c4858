import type { AccessPolicy, AccessRule } from '@isthmus/api/domain/access-policy.ts';
import { policyStatus, type PolicyStatus } from '../../conditions/policy-status.ts';
import type { Now } from '../../state/now.ts';
import type { Stored } from '../../store/store.ts';
import { builder, elements } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { stalenessOf, stalenessType, type Staleness } from './common.ts';
import { connectionOf } from './connection.ts';
import { labelType, labelsOf } from './label.ts';
import { nodeType } from './node.ts';

interface Status extends PolicyStatus {
  readonly staleness: Staleness;
}

export function policyView(snapshot: Now, stored: Stored<AccessPolicy>) {
  const { value, revision } = stored;
  const id = globalId('AccessPolicy', value.name);
  const status: readonly Status[] = policyStatus(snapshot, stored).map((one) => ({
    ...one,
    staleness: stalenessOf(snapshot.observed.get(one.cluster)),
  }));
  return { ...value, __typename: 'AccessPolicy', id, revision, status };
}

export type PolicyView = ReturnType<typeof policyView>;

export const effectType = builder.enumType('AccessEffect', {
  description: 'ALLOW joins the workload’s own rules, DENY always wins, REQUIRE is a ceiling.',
  values: ['ALLOW', 'DENY', 'REQUIRE'] as const,
});

const targetType = builder.objectRef<AccessPolicy['target']>('AccessTarget').implement({
  fields: (t) => ({
    clusters: t.exposeStringList('clusters', { description: 'Empty selects every cluster.' }),
    namespace: t.exposeString('namespace'),
    labels: t.field({
      type: [labelType],
      nullable: elements,
      resolve: ({ labels }) => labelsOf(labels),
    }),
  }),
});

const ruleType = builder.objectRef<AccessRule>('AccessRule').implement({
  description:
    'Values of a field are alternatives; the fields must all match; an empty field matches anything.',
  fields: (t) => ({
    principals: t.exposeStringList('principals'),
    namespaces: t.exposeStringList('namespaces'),
    ports: t.exposeIntList('ports'),
  }),
});

const stateType = builder.enumType('PolicyState', { values: ['PENDING', 'APPLIED', 'REJECTED'] as const });

const statusType = builder.objectRef<Status>('PolicyStatus').implement({
  fields: (t) => ({
    cluster: t.exposeString('cluster'),
    state: t.expose('state', { type: stateType }),
    message: t.exposeString('message'),
    proxies: t.exposeInt('proxies', { description: 'Connected proxies that it had to reach.' }),
    staleness: t.expose('staleness', { type: stalenessType }),
  }),
});

export const policyType = builder.objectRef<PolicyView>('AccessPolicy').implement({
  interfaces: [nodeType],
  fields: (t) => ({
    name: t.exposeString('name'),
    effect: t.expose('effect', { type: effectType }),
    target: t.expose('target', { type: targetType }),
    rules: t.expose('rules', { type: [ruleType], nullable: elements }),
    revision: t.exposeInt('revision', { description: 'For expectedRevision.' }),
    status: t.expose('status', {
      type: [statusType],
      nullable: elements,
      description:
        'By cluster. APPLIED: every workload that it selects has a proxy, which has acknowledged this revision. Otherwise the message names the workloads that are not covered.',
    }),
  }),
});

export const policyConnection = connectionOf('AccessPolicy', policyType);
