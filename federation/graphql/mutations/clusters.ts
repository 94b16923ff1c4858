import { createJoinToken } from '../../registry/join-tokens.ts';
import { drainCluster, undrainCluster } from '../../registry/drain.ts';
import { removeCluster, revokeCluster, type ClusterPayload } from '../../registry/membership.ts';
import { setClusterNamespaces } from '../../registry/namespaces.ts';
import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { needs } from '../roles.ts';
import { clusterType, clusterView, type ClusterView } from '../types/cluster.ts';
import { scopeType } from '../types/common.ts';
import { operationType, operationView, type OperationView } from '../types/operation.ts';
import { carryOut, commonInput, commonPayload, type CommonPayload } from './common.ts';

const admin = needs('ADMIN');

interface ClusterResult extends CommonPayload {
  readonly cluster?: ClusterView | undefined;
  readonly operation?: OperationView | undefined;
}

const clusterPayload = builder.objectRef<ClusterResult>('ClusterPayload').implement({
  fields: (t) => ({
    cluster: t.expose('cluster', { type: clusterType, nullable: true }),
    operation: t.expose('operation', { type: operationType, nullable: true }),
    ...commonPayload(t),
  }),
});

/** A dry run's operation has an id that nothing will ever have: it is not shown. */
const show = ({ live }: RequestContext, { cluster, operation }: ClusterPayload, dryRun: boolean) => {
  const stored = live.current.intent.clusters.get(cluster);
  return {
    cluster: stored && clusterView(live.current, stored),
    operation: operation && !dryRun ? operationView(live.current, operation) : undefined,
  };
};

const clusterInput = builder.inputType('ClusterInput', {
  fields: (t) => ({ cluster: t.string({ required: true }), ...commonInput(t) }),
});

for (const [command, description] of [
  [
    revokeCluster,
    'Ends a membership at once: its link, its intermediates and its endpoints in other clusters.',
  ],
  [removeCluster, 'Forgets a cluster that is revoked or has never joined.'],
  [undrainCluster, 'Ends a drain.'],
] as const)
  builder.mutationField(command.name, (t) =>
    t.field({
      ...admin,
      type: clusterPayload,
      description,
      args: { input: t.arg({ type: clusterInput, required: true }) },
      resolve: (_root, { input }, context) =>
        carryOut(command, { cluster: input.cluster }, input, context, (payload) =>
          show(context, payload, input.dryRun),
        ),
    }),
  );

const drainInput = builder.inputType('DrainClusterInput', {
  fields: (t) => ({
    cluster: t.string({ required: true }),
    percent: t.int({ required: true, defaultValue: 100, description: 'Of new connections, 1 to 100.' }),
    scope: t.field({ type: scopeType, required: true, defaultValue: 'ALL' }),
    deadline: t.field({
      type: 'DateTime',
      description: 'When connections that are still open are closed. Absent: never.',
    }),
    ...commonInput(t),
  }),
});

const drainPayload = builder
  .objectRef<ClusterResult & { readonly noAlternative?: readonly string[] }>('DrainClusterPayload')
  .implement({
    fields: (t) => ({
      cluster: t.expose('cluster', { type: clusterType, nullable: true }),
      operation: t.expose('operation', { type: operationType, nullable: true }),
      noAlternative: t.stringList({
        description: 'Services without a healthy alternative elsewhere: they do not move.',
        resolve: ({ noAlternative }) => noAlternative ?? [],
      }),
      ...commonPayload(t),
    }),
  });

builder.mutationField('drainCluster', (t) =>
  t.field({
    ...admin,
    type: drainPayload,
    description: 'Moves a share of new connections to other clusters.',
    args: { input: t.arg({ type: drainInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const { cluster, percent, scope, deadline } = input;
      const drain = { cluster, percent, scope, deadline: deadline ?? undefined };
      return carryOut(drainCluster, drain, input, context, (payload) => ({
        ...show(context, payload, input.dryRun),
        noAlternative: payload.noAlternative,
      }));
    },
  }),
);

const tokenInput = builder.inputType('CreateJoinTokenInput', {
  fields: (t) => ({
    cluster: t.string({ required: true, description: 'The name that the token is bound to.' }),
    lifetimeSeconds: t.int({ required: true, defaultValue: 3600 }),
    namespaces: t.stringList({
      description:
        'Namespaces whose identities the cluster may host; null: those that it was allowed before, or all.',
    }),
    network: t.string({
      description:
        'The network that the cluster is admitted for; null: the one that its agent reports first, if no other cluster has it.',
    }),
    ...commonInput(t),
  }),
});

const tokenPayload = builder
  .objectRef<CommonPayload & { readonly token?: string | null; readonly expiresAt?: number }>(
    'CreateJoinTokenPayload',
  )
  .implement({
    fields: (t) => ({
      token: t.exposeString('token', {
        nullable: true,
        description: 'Shown once; null for a dry run and for a repeated key.',
      }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
      ...commonPayload(t),
    }),
  });

builder.mutationField('createJoinToken', (t) =>
  t.field({
    ...admin,
    type: tokenPayload,
    description: 'A token with which one cluster joins once.',
    args: { input: t.arg({ type: tokenInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const { cluster, lifetimeSeconds } = input;
      const namespaces = input.namespaces ?? undefined;
      const network = input.network ?? undefined;
      const token = { cluster, lifetime: lifetimeSeconds * 1000, namespaces, network };
      return carryOut(createJoinToken, token, input, context, (payload) => payload);
    },
  }),
);

const namespacesInput = builder.inputType('SetClusterNamespacesInput', {
  fields: (t) => ({
    cluster: t.string({ required: true }),
    namespaces: t.stringList({
      description: 'Namespaces whose identities the cluster may host; null: all.',
    }),
    ...commonInput(t),
  }),
});

builder.mutationField('setClusterNamespaces', (t) =>
  t.field({
    ...admin,
    type: clusterPayload,
    description: 'Sets the namespaces whose identities a cluster may host, as every proxy enforces it.',
    args: { input: t.arg({ type: namespacesInput, required: true }) },
    resolve: (_root, { input }, context) => {
      const change = { cluster: input.cluster, namespaces: input.namespaces ?? undefined };
      return carryOut(setClusterNamespaces, change, input, context, (payload) =>
        show(context, payload, input.dryRun),
      );
    },
  }),
);
