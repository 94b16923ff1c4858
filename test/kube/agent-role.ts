import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { agentAccess } from '@isthmus/cluster-agent/access.ts';
import { rulesOf } from '../../charts/rules.ts';
import { agentNamespace, makeAgentNamespace } from './agent-world.ts';
import { allow, rbac } from './allow.ts';

/** From now on the role of the agent has, or lacks, the reading of Gateways. */
export async function changeRole(server: ApiServer, mayReadGateways: boolean): Promise<void> {
  const access = agentAccess.filter(({ resource }) => mayReadGateways || resource.plural !== 'gateways');
  const roles = {
    group: rbac,
    version: 'v1',
    kind: 'ClusterRole',
    plural: 'clusterroles',
    isNamespaced: false,
  };
  const place = { namespace: '', name: 'isthmus-agent' };
  await server.patch(roles, place, { how: 'merge' }, { rules: rulesOf(access, 'ALL') });
}

/** The agent's namespace, and the roles of its chart, bound to the user `agent`. */
export async function allowAgent(server: ApiServer): Promise<void> {
  await makeAgentNamespace(server);
  await allow(server, agentAccess, agentNamespace);
}
