import type { Access } from '@isthmus/api/kube/access.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { rulesOf } from '../../charts/rules.ts';

export const rbac = 'rbac.authorization.k8s.io';

/** The roles that a chart makes of an access list, bound to the user `agent`. The namespace must be there. */
export async function allow(server: ApiServer, access: readonly Access[], namespace: string): Promise<void> {
  const metadata = { name: 'isthmus-agent' };
  const subjects = [{ apiGroup: rbac, kind: 'User', name: 'agent' }];
  const make = (kind: string, at: string, body: object) => {
    const plural = `${kind.toLowerCase()}s`;
    const resource = { group: rbac, version: 'v1', kind, plural, isNamespaced: at !== '' };
    return server.create(resource, at, { apiVersion: `${rbac}/v1`, kind, metadata, ...body });
  };
  const bound = (kind: string) => ({ roleRef: { apiGroup: rbac, kind, name: metadata.name }, subjects });
  await make('ClusterRole', '', { rules: rulesOf(access, 'ALL') });
  await make('ClusterRoleBinding', '', bound('ClusterRole'));
  await make('Role', namespace, { rules: rulesOf(access, 'OWN') });
  await make('RoleBinding', namespace, bound('Role'));
}
