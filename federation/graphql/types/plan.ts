import type { ServiceName } from '@isthmus/api/domain/names.ts';
import type { UserError } from '../../command/command.ts';
import type { Warning } from '../../command/warning.ts';
import type { Move } from '../../failover/plan.ts';
import { builder, elements } from '../builder.ts';
import { serviceNameType, stalenessType, userErrorType, warningType, type Staleness } from './common.ts';

interface ServicePlanView extends ServiceName {
  readonly moves: readonly Move[];
  readonly noAlternative: boolean;
}

/** A simulated failover, or why it was refused. */
export interface PlanView {
  readonly planId: string | undefined;
  readonly keptUntil: number | undefined;
  readonly clusters: readonly string[];
  readonly services: readonly ServicePlanView[];
  readonly sources: readonly { readonly cluster: string; readonly staleness: Staleness }[];
  readonly unreachable: readonly string[];
  readonly warnings: readonly Warning[];
  readonly userErrors: readonly UserError[];
}

const moveType = builder.objectRef<Move>('Move').implement({
  description: 'A share of one cluster’s clients that would go elsewhere.',
  fields: (t) => ({
    client: t.exposeString('client', { description: 'The cluster of the clients.' }),
    from: t.exposeString('from'),
    to: t.exposeString('to'),
    percent: t.exposeFloat('percent', { description: 'Of those clients’ new connections.' }),
  }),
});

const servicePlanType = builder.objectRef<ServicePlanView>('ServicePlan').implement({
  fields: (t) => ({
    namespace: t.exposeString('namespace'),
    name: t.exposeString('name'),
    moves: t.expose('moves', { type: [moveType], nullable: elements }),
    noAlternative: t.exposeBoolean('noAlternative', {
      description: 'No other cluster has a healthy endpoint, so it does not move.',
    }),
  }),
});

const sourceType = builder.objectRef<PlanView['sources'][number]>('PlanSource').implement({
  fields: (t) => ({
    cluster: t.exposeString('cluster'),
    staleness: t.expose('staleness', { type: stalenessType }),
  }),
});

export const planType = builder.objectRef<PlanView>('FailoverPlan').implement({
  fields: (t) => ({
    planId: t.exposeID('planId', {
      nullable: true,
      description: 'Null when it was refused. Kept for 15 minutes, and not over a restart of the hub.',
    }),
    keptUntil: t.expose('keptUntil', { type: 'DateTime', nullable: true }),
    clusters: t.exposeStringList('clusters'),
    services: t.expose('services', { type: [servicePlanType], nullable: elements }),
    sources: t.expose('sources', {
      type: [sourceType],
      nullable: elements,
      description: 'Members whose reports the plan uses, with the age of each report.',
    }),
    unreachable: t.exposeStringList('unreachable', {
      description: 'Target clusters that are disconnected: their reported health is old.',
    }),
    warnings: t.expose('warnings', {
      type: [warningType],
      description: 'Targets that are unreachable, without a healthy gateway, or with unhealthy endpoints.',
    }),
    noAlternative: t.field({
      type: [serviceNameType],
      nullable: elements,
      resolve: ({ services }) => services.filter((one) => one.noAlternative),
    }),
    userErrors: t.expose('userErrors', { type: [userErrorType] }),
  }),
});
