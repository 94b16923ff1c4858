import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import { applyPolicy, deletePolicy } from '../../policy/access-policy.ts';
import { firstAllow } from '../../policy/first-allow.ts';
import { selectsNothing } from '../../policy/selects-nothing.ts';
import { builder } from '../builder.ts';
import { needs } from '../roles.ts';
import { effectType, policyType, policyView, type PolicyView } from '../types/policy.ts';
import { carryOut, commonInput, commonPayload, type CommonPayload } from './common.ts';

const admin = needs('ADMIN');

const labelInput = builder.inputType('LabelInput', {
  fields: (t) => ({ key: t.string({ required: true }), value: t.string({ required: true }) }),
});

const targetInput = builder.inputType('AccessTargetInput', {
  fields: (t) => ({
    clusters: t.stringList({ required: true, defaultValue: [], description: 'None: every cluster.' }),
    namespace: t.string({ required: true }),
    labels: t.field({ type: [labelInput], required: true, defaultValue: [] }),
  }),
});

const ruleInput = builder.inputType('AccessRuleInput', {
  description:
    'Values of a field are alternatives; the fields must all match; an empty field matches anything.',
  fields: (t) => ({
    principals: t.stringList({
      required: true,
      defaultValue: [],
      description: '<trust domain>/ns/<namespace>/sa/<name>, with * alone, leading or trailing.',
    }),
    namespaces: t.stringList({
      required: true,
      defaultValue: [],
      description: 'Of the workload’s own trust domain.',
    }),
    ports: t.intList({ required: true, defaultValue: [] }),
  }),
});

const accessInput = builder.inputType('AccessPolicyInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    effect: t.field({ type: effectType, required: true }),
    target: t.field({ type: targetInput, required: true }),
    rules: t.field({ type: [ruleInput], required: true }),
  }),
});

const policyInput = builder.inputType('PolicyInput', {
  isOneOf: true,
  fields: (t) => ({ access: t.field({ type: accessInput }) }),
});

const applyInput = builder.inputType('ApplyPolicyInput', {
  fields: (t) => ({ policy: t.field({ type: policyInput, required: true }), ...commonInput(t) }),
});

const applyPayload = builder
  .objectRef<CommonPayload & { readonly policy?: PolicyView | undefined }>('PolicyPayload')
  .implement({
    fields: (t) => ({
      policy: t.expose('policy', { type: policyType, nullable: true }),
      ...commonPayload(t),
    }),
  });

const readAccess = ({ name, effect, target, rules }: typeof accessInput.$inferInput): AccessPolicy => ({
  kind: 'accessPolicy',
  name,
  effect,
  rules: rules.map((rule) => ({ ...rule })),
  target: {
    clusters: target.clusters,
    namespace: target.namespace,
    labels: Object.fromEntries(target.labels.map(({ key, value }) => [key, value])),
  },
});

builder.mutationField('applyPolicy', (t) =>
  t.field({
    ...admin,
    type: applyPayload,
    description:
      'Creates a policy, or replaces the one of that name. A dry run names the workloads that a first ALLOW would turn to deny by default.',
    args: { input: t.arg({ type: applyInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      const access = readAccess(input.policy.access);
      const applied = await carryOut(applyPolicy, access, input, context, ({ policy }) => {
        const { live } = context;
        const stored = input.dryRun ? undefined : live.current.intent.accessPolicies.get(policy.name);
        return { policy: stored && policyView(live.current, stored) };
      });
      if (applied.userErrors.length > 0) return applied;
      const { snapshot, ask, clock } = context;
      const first = input.dryRun ? await firstAllow(access, snapshot, ask) : [];
      const nothing = await selectsNothing(access, snapshot, ask, clock);
      return { ...applied, warnings: [...applied.warnings, ...first, ...nothing] };
    },
  }),
);

const deleteInput = builder.inputType('DeletePolicyInput', {
  fields: (t) => ({ name: t.string({ required: true }), ...commonInput(t) }),
});

const deletePayload = builder
  .objectRef<CommonPayload & { readonly name?: string }>('DeletePolicyPayload')
  .implement({ fields: (t) => ({ name: t.exposeString('name', { nullable: true }), ...commonPayload(t) }) });

builder.mutationField('deletePolicy', (t) =>
  t.field({
    ...admin,
    type: deletePayload,
    args: { input: t.arg({ type: deleteInput, required: true }) },
    resolve: (_root, { input }, context) =>
      carryOut(deletePolicy, { name: input.name }, input, context, ({ name }) => ({ name })),
  }),
);
