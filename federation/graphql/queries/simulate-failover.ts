import { formatServiceKey, serviceNameOf } from '@isthmus/api/domain/names.ts';
import { simulate, type FailoverRequest } from '../../failover/plan.ts';
import { builder } from '../builder.ts';
import { needs } from '../roles.ts';
import { scopeType, serviceRef, stalenessOf } from '../types/common.ts';
import { planType } from '../types/plan.ts';

const fromInput = builder.inputType('FailoverFrom', {
  isOneOf: true,
  fields: (t) => ({ cluster: t.string(), region: t.string() }),
});

const simulateInput = builder.inputType('SimulateFailoverInput', {
  fields: (t) => ({
    from: t.field({ type: fromInput, required: true }),
    services: t.field({ type: [serviceRef], description: 'None: every exported service there.' }),
    percent: t.int({ required: true, defaultValue: 100 }),
    scope: t.field({ type: scopeType, required: true, defaultValue: 'ALL' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When the failover is undone automatically.' }),
  }),
});

type SimulateInput = typeof simulateInput.$inferInput;

builder.queryField('simulateFailover', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: planType,
    description: 'Simulates a failover and returns a plan for executeFailover. Changes nothing.',
    args: { input: t.arg({ type: simulateInput, required: true }) },
    resolve: (_root, { input }, { snapshot, plans, clock, random }) => {
      const simulated = simulate(snapshot, readRequest(input), clock.now());
      if (!simulated.ok)
        return {
          planId: undefined,
          keptUntil: undefined,
          clusters: [],
          services: [],
          sources: [],
          unreachable: [],
          warnings: [],
          userErrors: simulated.error,
        };
      const { clusters, services, unreachable, warnings } = simulated.value;
      const planId = random.id();
      return {
        planId,
        keptUntil: plans.keep(planId, simulated.value),
        clusters,
        unreachable,
        warnings,
        sources: [...snapshot.intent.clusters.values()]
          .filter(({ value }) => value.admission === 'ADMITTED')
          .map(({ id }) => ({ cluster: id, staleness: stalenessOf(snapshot.observed.get(id)) })),
        services: services.map((one) => ({ ...one, ...serviceNameOf(one.service) })),
        userErrors: [],
      };
    },
  }),
);

function readRequest({ from, services, percent, scope, expiresAt }: SimulateInput): FailoverRequest {
  return {
    from: typeof from.cluster === 'string' ? { cluster: from.cluster } : { region: from.region },
    services: (services ?? []).map(formatServiceKey),
    percent,
    scope,
    expiresAt: expiresAt ?? undefined,
  };
}
