import { parseServiceKey } from '@isthmus/api/domain/names.ts';
import type { Now } from '../../state/now.ts';
import type { Intent, Stored } from '../../store/store.ts';
import { builder } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { readGlobalId } from '../global-id.ts';
import { needs } from '../roles.ts';
import { clusterView } from '../types/cluster.ts';
import { failoverView } from '../types/failover.ts';
import { joinTokenView } from '../types/join-token.ts';
import { nodeType, type NodeView } from '../types/node.ts';
import { operationView } from '../types/operation.ts';
import { policyView } from '../types/policy.ts';
import { serviceView } from '../types/service.ts';
import { trustDomainView } from '../types/trust-domain.ts';
import { oneWorkload } from './workloads.ts';

type Found = NodeView | undefined;

const show = <T extends Intent>(
  stored: Stored<T> | undefined,
  view: (stored: Stored<T>) => NodeView,
): Found => stored && view(stored);

/** How the object behind a global id is found, by its type. Workloads are asked of their cluster. */
const finders: Readonly<Record<string, (snapshot: Now, id: string) => Found>> = {
  Cluster: (now, id) => show(now.intent.clusters.get(id), (one) => clusterView(now, one)),
  Service(now, id) {
    const key = parseServiceKey(id);
    return key === undefined ? undefined : serviceView(now, key);
  },
  AccessPolicy: (now, id) => show(now.intent.accessPolicies.get(id), (one) => policyView(now, one)),
  Operation: (now, id) => show(now.intent.operations.get(id), ({ value }) => operationView(now, value)),
  TrustDomain: (now, id) => show(now.intent.trustDomains.get(id), (one) => trustDomainView(now, one)),
  Failover: (now, id) => show(now.intent.failovers.get(id), failoverView),
};

/** Whether a token is valid depends on the time. */
const oneJoinToken = (id: string, { snapshot, clock }: RequestContext): Found =>
  show(snapshot.intent.joinTokens.get(id), (one) => joinTokenView(one, clock.now()));

builder.queryField('node', (t) =>
  t.field({
    ...needs('ADMIN'),
    type: nodeType,
    nullable: true,
    description: 'Any object by its global id; null when there is none.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, context) => {
      const { type, id } = readGlobalId(args.id);
      if (type === 'Workload') return oneWorkload(id, context);
      if (type === 'JoinToken') return oneJoinToken(id, context);
      return finders[type]?.(context.snapshot, id);
    },
  }),
);
