import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { Command } from '../command/command.ts';
import { executeFailover, undoFailover, type FailoverPayload } from '../failover/commands.ts';
import { applyPolicy, deletePolicy } from '../policy/access-policy.ts';
import { exportService, unexportService } from '../policy/service-export.ts';
import { setTrafficPolicy } from '../policy/traffic-policy.ts';
import { drainCluster, undrainCluster } from '../registry/drain.ts';
import { createJoinToken } from '../registry/join-tokens.ts';
import { removeCluster, revokeCluster, type ClusterPayload } from '../registry/membership.ts';
import type { RequestContext } from './context.ts';
import { isoTime, readGlobalId, readTime } from './pages.ts';
import { clusterView, failoverView, operationView, policyView, serviceView } from './views.ts';

/** What every mutation's input has. */
interface Common {
  readonly dryRun: boolean;
  readonly expectedRevision?: number | null;
  readonly idempotencyKey: string;
  readonly reason: string;
}

type Mutation<I> = (root: unknown, args: { input: I & Common }, context: RequestContext) => Promise<object>;

/** Runs a command and gives the payload's common fields, with `show` adding its own when it was not refused. */
async function carryOut<I, P>(
  command: Command<I, P>,
  input: I,
  common: Common,
  context: RequestContext,
  show: (payload: P) => object,
): Promise<object> {
  const outcome = await context.runner.run(command, input, {
    actor: context.viewer,
    dryRun: common.dryRun,
    idempotencyKey: common.idempotencyKey,
    reason: common.reason,
    expectedRevision: common.expectedRevision ?? undefined,
  });
  if (!outcome.ok) return { userErrors: outcome.errors, warnings: [], noAlternative: [] };
  const { payload, warnings, revision, durable } = outcome;
  const all =
    durable || common.dryRun
      ? warnings
      : [...warnings, 'DURABILITY_UNKNOWN: this store is gone with its process'];
  return { ...show(payload), userErrors: [], warnings: all, revision };
}

const showCluster = ({ live }: RequestContext, { cluster, operation }: ClusterPayload): object => {
  const stored = live.current.intent.clusters.get(cluster);
  return {
    cluster: stored ? clusterView(live.current, stored) : null,
    operation: operation ? operationView(live.current, operation) : null,
  };
};

const showFailover = ({ live }: RequestContext, { failover, operation }: FailoverPayload): object => ({
  failover: failover ? failoverView(failover) : null,
  operation: operationView(live.current, operation),
});

type Ref = { readonly namespace: string; readonly name: string };

interface AccessInput extends Omit<AccessPolicy, 'kind' | 'target'> {
  readonly target: {
    clusters: readonly string[];
    namespace: string;
    labels: readonly { key: string; value: string }[];
  };
}

const readAccess = (input: AccessInput): AccessPolicy => ({
  kind: 'accessPolicy',
  name: input.name,
  effect: input.effect,
  rules: input.rules.map((rule) => ({ ...rule })),
  target: {
    ...input.target,
    labels: Object.fromEntries(input.target.labels.map(({ key, value }) => [key, value])),
  },
});

export const mutations = {
  createJoinToken: ((_root, { input }, context) =>
    carryOut(
      createJoinToken,
      { cluster: input.cluster, lifetime: input.lifetimeSeconds * 1000 },
      input,
      context,
      ({ token, expiresAt }) => ({
        ...{ token, expiresAt: isoTime(expiresAt) },
      }),
    )) as Mutation<{ cluster: string; lifetimeSeconds: number }>,
  revokeCluster: ((_root, { input }, context) =>
    carryOut(revokeCluster, { cluster: input.cluster }, input, context, (payload) =>
      showCluster(context, payload),
    )) as Mutation<{ cluster: string }>,
  removeCluster: ((_root, { input }, context) =>
    carryOut(removeCluster, { cluster: input.cluster }, input, context, (payload) =>
      showCluster(context, payload),
    )) as Mutation<{ cluster: string }>,
  applyPolicy: ((_root, { input }, context) =>
    carryOut(applyPolicy, readAccess(input.policy.access), input, context, ({ policy }) => {
      const stored = context.live.current.intent.accessPolicies.get(policy.name);
      return { policy: stored && !input.dryRun ? policyView(context.live.current, stored) : null };
    })) as Mutation<{ policy: { access: AccessInput } }>,
  deletePolicy: ((_root, { input }, context) =>
    carryOut(deletePolicy, { name: input.name }, input, context, ({ name }) => ({ name }))) as Mutation<{
    name: string;
  }>,
  setTrafficPolicy: ((_root, { input }, context) => {
    const { localityOrder, regionFailover, service } = input;
    const failover = regionFailover.map(({ from, to }) => ({ from, to }));
    return carryOut(
      setTrafficPolicy,
      { ...name(service), localityOrder, regionFailover: failover },
      input,
      context,
      () => showService(context, service),
    );
  }) as Mutation<Pick<TrafficPolicy, 'localityOrder' | 'regionFailover'> & { service: Ref }>,
  exportService: ((_root, { input }, context) =>
    carryOut(exportService, { ...name(input.service), clusters: input.clusters }, input, context, () =>
      showService(context, input.service),
    )) as Mutation<{
    service: Ref;
    clusters: readonly string[];
  }>,
  unexportService: ((_root, { input }, context) =>
    carryOut(unexportService, name(input.service), input, context, () =>
      showService(context, input.service),
    )) as Mutation<{ service: Ref }>,
  drainCluster: ((_root, { input }, context) => {
    const { cluster, percent, scope } = input;
    const drain = { cluster, percent, scope, deadline: readTime(input.deadline, 'deadline') };
    return carryOut(drainCluster, drain, input, context, (payload) => ({
      ...showCluster(context, payload),
      noAlternative: payload.noAlternative,
    }));
  }) as Mutation<{ cluster: string; percent: number; scope: 'ALL' | 'REMOTE'; deadline?: string | null }>,
  undrainCluster: ((_root, { input }, context) =>
    carryOut(undrainCluster, { cluster: input.cluster }, input, context, (payload) =>
      showCluster(context, payload),
    )) as Mutation<{ cluster: string }>,
  executeFailover: ((_root, { input }, context) =>
    carryOut(executeFailover(context.plans), { planId: input.planId }, input, context, (payload) =>
      showFailover(context, payload),
    )) as Mutation<{ planId: string }>,
  undoFailover: ((_root, { input }, context) => {
    const known = context.snapshot.intent.failovers.has(input.id);
    const id = known ? input.id : readGlobalId(input.id).id;
    return carryOut(undoFailover, { id }, input, context, (payload) => showFailover(context, payload));
  }) as Mutation<{ id: string }>,
};

const name = ({ namespace, name: own }: Ref): Ref => ({ namespace, name: own });

const showService = ({ live }: RequestContext, service: Ref): object => ({
  service: serviceView(live.current, `${service.namespace}/${service.name}`) ?? null,
});
