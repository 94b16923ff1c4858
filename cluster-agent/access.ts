import type { Access } from '@isthmus/api/kube/access.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { configMaps, secrets, tokenReviews } from '@isthmus/api/kube/resources.ts';
import { maxParts, partName } from './kept/allocation-part.ts';
import { secretName } from './kept/kept-secret.ts';
import { rootName } from './kept/xds-root.ts';
import { leaseAccess } from './leader/lease.ts';
import type { Written } from './leftovers.ts';
import { watched } from './source/kubernetes/watched.ts';
import { writtenKinds, type WrittenKind } from './status/written-kinds.ts';

/** A kind that the agent watches. */
function resourceOf(kind: string): Resource {
  const found = watched.find(({ resource }) => resource.kind === kind);
  if (!found) throw new Error(`an agent watches no ${kind}`);
  return found.resource;
}

export const pods = resourceOf('Pod');
const services = writtenKinds.Service.resource;
const serviceImports = writtenKinds.ServiceImport.resource;
const events = writtenKinds.Event.resource;

/** Kinds that agents read or write and that Kubernetes does not have by itself. */
export const foreignKinds: readonly Resource[] = [
  ...watched.filter(({ mayBeMissing }) => mayBeMissing).map(({ resource }) => resource),
  serviceImports,
];

/** Kinds whose status says what the agent makes of an object. */
const kindsWithStatus: readonly WrittenKind[] = [
  writtenKinds.AuthorizationPolicy,
  writtenKinds.PeerAuthentication,
  writtenKinds.ServiceExport,
  writtenKinds.ServiceImport,
];
const withStatus = kindsWithStatus.map(({ resource }) => resource);

const configMapNames = [rootName, ...Array.from({ length: maxParts }, (_, number) => partName(number))];

/** What an agent keeps in its own namespace (ADR 90 and 91). */
const kept: readonly Access[] = [
  {
    resource: secrets,
    verbs: ['get', 'list', 'watch', 'create', 'update'],
    namespaces: 'OWN',
    names: [secretName],
  },
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
  ...watched.map(({ resource }): Access => ({ resource, verbs: ['list', 'watch'], namespaces: 'ALL' })),
  { resource: tokenReviews, verbs: ['create'], namespaces: 'ALL' },
  { resource: services, verbs: ['get', 'patch'], namespaces: 'ALL' },
  // An object is read before it is written, and its apply takes `create` where it may be missing.
  {
    resource: serviceImports,
    verbs: ['list', 'create', 'patch', 'delete'],
    namespaces: 'ALL',
  },
  ...withStatus.map((resource): Access => ({ resource, verbs: ['get'], namespaces: 'ALL' })),
  ...withStatus.map((resource): Access => ({
    resource,
    subresource: 'status',
    verbs: ['patch'],
    namespaces: 'ALL',
  })),
  { resource: events, verbs: ['get', 'create', 'patch'], namespaces: 'ALL' },
  ...kept,
];

/** Where the agent writes, for its removal. */
export const agentWrites: Written = {
  own: kept.map(({ resource, names = [] }) => ({ resource, names })),
  made: [writtenKinds.ServiceImport, writtenKinds.Event],
  marked: [
    { kind: writtenKinds.Service, subresource: '' },
    ...kindsWithStatus.map((kind) => ({ kind, subresource: 'status' as const })),
  ],
};

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
  { resource: events, verbs: ['list', 'delete'], namespaces: 'ALL' },
  { resource: services, verbs: ['list', 'patch'], namespaces: 'ALL' },
  ...withStatus.flatMap((resource): readonly Access[] => [
    { resource, verbs: ['list'], namespaces: 'ALL' },
    { resource, subresource: 'status', verbs: ['patch'], namespaces: 'ALL' },
  ]),
];
