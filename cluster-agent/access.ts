import type { Access } from '@isthmus/api/kube/access.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { configMaps, secrets, tokenReviews } from '@isthmus/api/kube/resources.ts';
import { leaseAccess } from './leader/lease.ts';
import type { Written } from './leftovers.ts';

const kind = (
  group: string,
  version: string,
  kind: string,
  plural: string,
  isNamespaced = true,
): Resource => ({
  group,
  version,
  kind,
  plural,
  isNamespaced,
});

const services = kind('', 'v1', 'Service', 'services');
const events = kind('events.k8s.io', 'v1', 'Event', 'events');
const authorizationPolicies = kind('security.istio.io', 'v1', 'AuthorizationPolicy', 'authorizationpolicies');
const peerAuthentications = kind('security.istio.io', 'v1', 'PeerAuthentication', 'peerauthentications');
const serviceExports = kind('multicluster.x-k8s.io', 'v1alpha1', 'ServiceExport', 'serviceexports');
const serviceImports = kind('multicluster.x-k8s.io', 'v1alpha1', 'ServiceImport', 'serviceimports');

const watched: readonly Resource[] = [
  kind('', 'v1', 'Namespace', 'namespaces', false),
  kind('', 'v1', 'Node', 'nodes', false),
  kind('', 'v1', 'Pod', 'pods'),
  services,
  kind('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  kind('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices'),
  authorizationPolicies,
  peerAuthentications,
  kind('networking.istio.io', 'v1', 'ServiceEntry', 'serviceentries'),
  kind('networking.istio.io', 'v1', 'WorkloadEntry', 'workloadentries'),
  kind('gateway.networking.k8s.io', 'v1', 'GatewayClass', 'gatewayclasses', false),
  kind('gateway.networking.k8s.io', 'v1', 'Gateway', 'gateways'),
  serviceExports,
];

/** Objects whose status says what the agent makes of them. */
const withStatus: readonly Resource[] = [
  authorizationPolicies,
  peerAuthentications,
  serviceExports,
  serviceImports,
];

const secretName = 'isthmus-agent-state';
const configMapNames = [
  'isthmus-xds-root',
  ...Array.from({ length: 8 }, (_, i) => `isthmus-allocations-${i}`),
];

/** What an agent keeps in its own namespace (ADR 90 and 91). */
const kept: readonly Access[] = [
  { resource: secrets, verbs: ['get', 'create', 'update'], namespaces: 'OWN', names: [secretName] },
  {
    resource: configMaps,
    verbs: ['get', 'create', 'update', 'patch'],
    namespaces: 'OWN',
    names: configMapNames,
  },
  leaseAccess,
];

/** What an agent may do with the API of its cluster. It reads no Secret of others, and lists none. */
export const agentAccess: readonly Access[] = [
  ...watched.map((resource): Access => ({ resource, verbs: ['get', 'list', 'watch'], namespaces: 'ALL' })),
  { resource: tokenReviews, verbs: ['create'], namespaces: 'ALL' },
  { resource: services, verbs: ['patch'], namespaces: 'ALL' },
  {
    resource: serviceImports,
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    namespaces: 'ALL',
  },
  ...withStatus.map((resource): Access => ({
    resource,
    subresource: 'status',
    verbs: ['patch'],
    namespaces: 'ALL',
  })),
  { resource: events, verbs: ['create', 'patch'], namespaces: 'ALL' },
  ...kept,
];

/** Where the agent writes, for its removal. Events end by themselves. */
export const agentWrites: Written = {
  own: kept.map(({ resource, names = [] }) => ({ resource, names })),
  made: [serviceImports],
  marked: [
    { resource: services, subresource: '' },
    ...withStatus.map((resource) => ({ resource, subresource: 'status' as const })),
  ],
};

const pods = kind('', 'v1', 'Pod', 'pods');

/** What the removal of an agent may do: it waits until no agent's pod is there, and removes what they wrote. */
export const uninstallAccess: readonly Access[] = [
  { resource: pods, verbs: ['list'], namespaces: 'OWN' },
  ...kept.map(({ resource, names = [] }): Access => ({
    resource,
    verbs: ['delete'],
    namespaces: 'OWN',
    names,
  })),
  { resource: serviceImports, verbs: ['list', 'delete'], namespaces: 'ALL' },
  { resource: services, verbs: ['list', 'patch'], namespaces: 'ALL' },
  ...withStatus.flatMap((resource): readonly Access[] => [
    { resource, verbs: ['list'], namespaces: 'ALL' },
    { resource, subresource: 'status', verbs: ['patch'], namespaces: 'ALL' },
  ]),
];
