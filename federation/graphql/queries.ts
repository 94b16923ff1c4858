import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { simulate, type FailoverRequest } from '../failover/plan.ts';
import type { RequestContext } from './context.ts';
import {
  apiError,
  fromCursor,
  isoTime,
  page,
  readGlobalId,
  readTime,
  toCursor,
  type PageArguments,
} from './pages.ts';
import {
  clusterView,
  failoverView,
  operationView,
  policyView,
  serviceNames,
  serviceView,
  trustDomainView,
  workloadView,
} from './views.ts';

type Resolver<A, R> = (root: unknown, args: A, context: RequestContext) => R;

const values = <T>(map: ReadonlyMap<string, T>): readonly T[] => [...map.values()];

interface SimulateInput {
  readonly from: { cluster?: string; region?: string };
  readonly services?: readonly { namespace: string; name: string }[] | null;
  readonly percent: number;
  readonly scope: 'ALL' | 'REMOTE';
  readonly expiresAt?: string | null;
}

export const queries = {
  viewer: ((_root, _args, { viewer, snapshot }) => ({
    name: viewer,
    roles: ['ADMIN'],
    revision: snapshot.intent.revision,
  })) as Resolver<unknown, object>,
  node: ((_root, { id }, context) => nodeOf(readGlobalId(id), context)) as Resolver<{ id: string }, unknown>,
  clusters: ((_root, args, { snapshot }) =>
    page(
      values(snapshot.intent.clusters).map((one) => clusterView(snapshot, one)),
      ({ name }) => name,
      args,
    )) as Resolver<PageArguments, unknown>,
  cluster: ((_root, { name }, { snapshot }) => {
    const stored = snapshot.intent.clusters.get(name);
    return stored ? clusterView(snapshot, stored) : null;
  }) as Resolver<{ name: string }, unknown>,
  services: ((_root, args, { snapshot }) => {
    const names = serviceNames(snapshot).filter(
      (name) => !args.namespace || name.startsWith(`${args.namespace}/`),
    );
    const shown = page(names, (name) => name, args);
    return { ...shown, nodes: shown.nodes.map((name) => serviceView(snapshot, name)) };
  }) as Resolver<PageArguments & { namespace?: string | null }, unknown>,
  service: ((_root, { namespace, name }, { snapshot }) =>
    serviceView(snapshot, `${namespace}/${name}`) ?? null) as Resolver<
    { namespace: string; name: string },
    unknown
  >,
  workloads: ((_root, args, context) => askWorkloads(args, context)) as Resolver<WorkloadArguments, unknown>,
  trustDomains: ((_root, args, { snapshot }) =>
    page(
      values(snapshot.intent.trustDomains).map((one) => trustDomainView(snapshot, one)),
      ({ name }) => name,
      args,
    )) as Resolver<PageArguments, unknown>,
  policies: ((_root, args, { snapshot }) =>
    page(
      values(snapshot.intent.accessPolicies).map((one) => policyView(snapshot, one)),
      ({ name }) => name,
      args,
    )) as Resolver<PageArguments, unknown>,
  policy: ((_root, { name }, { snapshot }) => {
    const stored = snapshot.intent.accessPolicies.get(name);
    return stored ? policyView(snapshot, stored) : null;
  }) as Resolver<{ name: string }, unknown>,
  simulateFailover: ((_root, { input }, context) => simulateFailover(input, context)) as Resolver<
    { input: SimulateInput },
    unknown
  >,
  operation: ((_root, { id }, { snapshot }) => {
    const stored = snapshot.intent.operations.get(id) ?? snapshot.intent.operations.get(readGlobalId(id).id);
    return stored ? operationView(snapshot, stored.value) : null;
  }) as Resolver<{ id: string }, unknown>,
  operations: ((_root, args, { snapshot }) =>
    page(
      values(snapshot.intent.operations).map(({ value }) => operationView(snapshot, value)),
      ({ startedAt, id }) => `${startedAt ?? ''}${id}`,
      args,
    )) as Resolver<PageArguments, unknown>,
  auditLog: ((_root, args, context) => auditLog(args, context)) as Resolver<PageArguments, unknown>,
};

function nodeOf({ type, id }: { type: string; id: string }, { snapshot }: RequestContext): unknown {
  const { clusters, accessPolicies, operations, trustDomains, failovers } = snapshot.intent;
  const show = <T>(stored: T | undefined, view: (stored: T) => object) => (stored ? view(stored) : null);
  switch (type) {
    case 'Cluster':
      return show(clusters.get(id), (one) => clusterView(snapshot, one));
    case 'Service':
      return serviceView(snapshot, id) ?? null;
    case 'AccessPolicy':
      return show(accessPolicies.get(id), (one) => policyView(snapshot, one));
    case 'Operation':
      return show(operations.get(id), ({ value }) => operationView(snapshot, value));
    case 'TrustDomain':
      return show(trustDomains.get(id), (one) => trustDomainView(snapshot, one));
    case 'Failover':
      return show(failovers.get(id), ({ value }) => failoverView(value));
    default:
      return null;
  }
}

interface WorkloadArguments extends PageArguments {
  readonly cluster: string;
  readonly namespace?: string | null;
}

async function askWorkloads(
  { cluster, namespace, first, after }: WorkloadArguments,
  { ask, snapshot }: RequestContext,
) {
  if (first < 1 || first > 100) throw apiError('INVALID', 'first is a number from 1 to 100');
  if (!snapshot.intent.clusters.has(cluster)) throw apiError('NOT_FOUND', `no cluster '${cluster}' is known`);
  try {
    const answer = await ask(cluster, {
      kind: 'workloads',
      namespace: namespace ?? '',
      first,
      after: after ? fromCursor(after) : '',
    });
    const nodes = answer.workloads.map((one) => workloadView(cluster, one));
    const last = nodes.at(-1);
    return {
      nodes,
      totalCount: answer.total,
      pageInfo: { hasNextPage: answer.hasNext, endCursor: last ? toCursor(last.uid) : null },
    };
  } catch (error) {
    if (error instanceof CodedError) throw apiError(error.code, error.message);
    throw error;
  }
}

function simulateFailover(input: SimulateInput, { snapshot, plans, clock, random }: RequestContext) {
  const request: FailoverRequest = {
    from:
      input.from.cluster !== undefined
        ? { cluster: input.from.cluster }
        : { region: input.from.region ?? '' },
    services: (input.services ?? []).map(({ namespace, name }) => `${namespace}/${name}`),
    ...{ percent: input.percent, scope: input.scope, expiresAt: readTime(input.expiresAt, 'expiresAt') },
  };
  const simulated = simulate(snapshot, request, clock.now());
  if (!simulated.ok)
    return {
      planId: null,
      keptUntil: null,
      clusters: [],
      services: [],
      noAlternative: [],
      userErrors: simulated.error,
    };
  const plan = simulated.value;
  const planId = random.id();
  const services = plan.services.map(({ service, moves, noAlternative }) => ({
    ...nameOf(service),
    moves,
    noAlternative,
  }));
  const keptUntil = isoTime(plans.keep(planId, plan));
  return {
    planId,
    keptUntil,
    clusters: plan.clusters,
    services,
    noAlternative: services.filter((one) => one.noAlternative),
    userErrors: [],
  };
}

function nameOf(service: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = service.split('/');
  return { namespace, name };
}

async function auditLog({ first, after }: PageArguments, { store, snapshot }: RequestContext) {
  if (first < 1 || first > 100) throw apiError('INVALID', 'first is a number from 1 to 100');
  const before = after ? Number(fromCursor(after)) : undefined;
  const entries = await store.audit(first + 1, before);
  const nodes = entries.slice(0, first).map((entry) => ({ ...entry, at: isoTime(entry.at) }));
  const last = nodes.at(-1);
  return {
    nodes,
    totalCount: snapshot.intent.revision,
    pageInfo: {
      hasNextPage: entries.length > first,
      endCursor: last ? toCursor(String(last.revision)) : null,
    },
  };
}
