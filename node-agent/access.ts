import type { Access } from '@isthmus/api/kube/access.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';

export const pods: Resource = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  isNamespaced: true,
};

export const namespaces: Resource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  isNamespaced: false,
};

export const daemonSets: Resource = {
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  isNamespaced: true,
};

/** What a node agent may do with the API of its cluster. `patch` of pods is for their annotations. */
export const nodeAgentAccess: readonly Access[] = [
  { resource: pods, verbs: ['get', 'list', 'watch', 'patch'], namespaces: 'ALL' },
  { resource: namespaces, verbs: ['list', 'watch'], namespaces: 'ALL' },
  { resource: daemonSets, verbs: ['get'], namespaces: 'OWN' },
];
