import type { Resource } from '@isthmus/api/kube/api-server.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { versionsOf } from '@isthmus/api/kubernetes/kinds.ts';

/** A kind that an agent follows. */
export interface WatchedKind {
  /** In the newest version by which it is decoded. */
  readonly resource: Resource & { readonly kind: ClusterObject['kind'] };
  readonly olderVersions: readonly string[];
  /** Its CRD may be missing: then there are no objects of it. */
  readonly mayBeMissing: boolean;
  /**
   * Nothing is served before it has been listed: what is served would be wrong without it, or, as an unread policy denies
   * nothing, open. The rest is served without a kind that is not needed and that the role does not let the agent list.
   */
  readonly isNeeded: boolean;
}

const core = kindsOf('', { mayBeMissing: false, isNeeded: true });
const discovery = kindsOf('discovery.k8s.io', { mayBeMissing: false, isNeeded: true });
const security = kindsOf('security.istio.io', { mayBeMissing: true, isNeeded: true });
const networking = kindsOf('networking.istio.io', { mayBeMissing: true, isNeeded: false });
const gatewayApi = kindsOf('gateway.networking.k8s.io', { mayBeMissing: true, isNeeded: false });
const multicluster = kindsOf('multicluster.x-k8s.io', { mayBeMissing: true, isNeeded: false });

/** By kind: one that is decoded and not watched does not compile. */
const kinds: Readonly<Record<ClusterObject['kind'], WatchedKind>> = {
  Namespace: core('Namespace', 'namespaces', 'OF_CLUSTER'),
  Node: core('Node', 'nodes', 'OF_CLUSTER'),
  ServiceAccount: core('ServiceAccount', 'serviceaccounts'),
  Service: core('Service', 'services'),
  EndpointSlice: discovery('EndpointSlice', 'endpointslices'),
  Pod: core('Pod', 'pods'),
  AuthorizationPolicy: security('AuthorizationPolicy', 'authorizationpolicies'),
  PeerAuthentication: security('PeerAuthentication', 'peerauthentications'),
  ServiceEntry: networking('ServiceEntry', 'serviceentries'),
  WorkloadEntry: networking('WorkloadEntry', 'workloadentries'),
  GatewayClass: gatewayApi('GatewayClass', 'gatewayclasses', 'OF_CLUSTER'),
  Gateway: gatewayApi('Gateway', 'gateways'),
  ServiceExport: multicluster('ServiceExport', 'serviceexports'),
};

/** All of them: of an object of another kind the agent knows nothing. The agent's role is derived from this list. */
export const watched: readonly WatchedKind[] = Object.values(kinds);

function kindsOf(group: string, need: Pick<WatchedKind, 'mayBeMissing' | 'isNeeded'>) {
  return (kind: ClusterObject['kind'], plural: string, scope = 'NAMESPACED'): WatchedKind => {
    const [version = 'v1', ...olderVersions] = versionsOf(group);
    const isNamespaced = scope === 'NAMESPACED';
    return { resource: { group, version, kind, plural, isNamespaced }, olderVersions, ...need };
  };
}
