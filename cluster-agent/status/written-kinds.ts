import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { versionsOf } from '@isthmus/api/kubernetes/kinds.ts';

/** A kind, with the versions in which it may be written, the preferred one first. */
export interface WrittenKind {
  readonly resource: Resource;
  readonly olderVersions: readonly string[];
}

/** Kinds of which an agent writes objects, or into whose objects it writes. */
export const writtenKinds = {
  AuthorizationPolicy: kindOf('security.istio.io', 'AuthorizationPolicy', 'authorizationpolicies'),
  PeerAuthentication: kindOf('security.istio.io', 'PeerAuthentication', 'peerauthentications'),
  Service: kindOf('', 'Service', 'services'),
  ServiceExport: kindOf('multicluster.x-k8s.io', 'ServiceExport', 'serviceexports'),
  ServiceImport: kindOf('multicluster.x-k8s.io', 'ServiceImport', 'serviceimports'),
  /** Of the core group: of events.k8s.io neither the message nor the count of an Event can be changed. */
  Event: kindOf('', 'Event', 'events'),
} as const;

function kindOf(group: string, kind: string, plural: string): WrittenKind {
  const [version = 'v1', ...olderVersions] = versionsOf(group);
  return { resource: { group, version, kind, plural, isNamespaced: true }, olderVersions };
}
