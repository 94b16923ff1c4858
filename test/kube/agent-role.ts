import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { agentAccess } from '@isthmus/cluster-agent/access.ts';
import { rulesOf } from '../../charts/rules.ts';
import { agentNamespace, makeAgentNamespace } from './agent-world.ts';

const group = 'rbac.authorization.k8s.io';

/** From now on the role of the agent has, or lacks, the reading of Gateways. */
export async function changeRole(server: ApiServer, mayReadGateways: boolean): Promise<void> {
  const access = agentAccess.filter(({ resource }) => mayReadGateways || resource.plural !== 'gateways');
  const roles = { group, version: 'v1', kind: 'ClusterRole', plural: 'clusterroles', isNamespaced: false };
  const place = { namespace: '', name: 'isthmus-agent' };
  await server.patch(roles, place, { how: 'merge' }, { rules: rulesOf(access, 'ALL') });
}

/** The roles of the chart, bound to the user `agent`. */
export async function allowAgent(server: ApiServer): Promise<void> {
  const metadata = { name: 'isthmus-agent' };
  const subjects = [{ apiGroup: group, kind: 'User', name: 'agent' }];
  const bound = (kind: string) => ({ apiGroup: group, kind, name: metadata.name });
  const make = (kind: string, namespace: string, body: object) => {
    const plural = `${kind.toLowerCase()}s`;
    const resource = { group, version: 'v1', kind, plural, isNamespaced: namespace !== '' };
    return server.create(resource, namespace, { apiVersion: `${group}/v1`, kind, metadata, ...body });
  };
  await make('ClusterRole', '', { rules: rulesOf(agentAccess, 'ALL') });
  await make('ClusterRoleBinding', '', { roleRef: bound('ClusterRole'), subjects });
  await makeAgentNamespace(server);
  await make('Role', agentNamespace, { rules: rulesOf(agentAccess, 'OWN') });
  await make('RoleBinding', agentNamespace, { roleRef: bound('Role'), subjects });
}
