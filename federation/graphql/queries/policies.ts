import { builder } from '../builder.ts';
import { pageOfKeys } from '../pages.ts';
import { needs } from '../roles.ts';
import { pageArguments } from '../types/connection.ts';
import { policyConnection, policyType, policyView } from '../types/policy.ts';

builder.queryFields((t) => ({
  policies: t.field({
    ...needs('ADMIN'),
    type: policyConnection,
    args: pageArguments,
    resolve: (_root, args, { snapshot }) =>
      pageOfKeys(snapshot.index.policies, '', args, (name) => {
        const stored = snapshot.intent.accessPolicies.get(name);
        return stored && policyView(snapshot, stored);
      }),
  }),
  policy: t.field({
    ...needs('ADMIN'),
    type: policyType,
    nullable: true,
    args: { name: t.arg.string({ required: true }) },
    resolve: (_root, { name }, { snapshot }) => {
      const stored = snapshot.intent.accessPolicies.get(name);
      return stored && policyView(snapshot, stored);
    },
  }),
}));
