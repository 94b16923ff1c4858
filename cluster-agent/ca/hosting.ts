import { mayHost } from '@isthmus/mesh/identity/hosting.ts';
import type { Intermediate } from '@isthmus/mesh/identity/issuers.ts';
import type { WorkloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { Caller } from './authenticator.ts';

/**
 * Why no certificate is issued for an identity: an operator has not allowed this cluster to host its namespace, so every
 * verifier would refuse it. East-west gateways have theirs wherever they are installed, as those who dial them know.
 */
export function hostingRefusal(
  view: ClusterView,
  issuer: Intermediate | undefined,
  { namespace }: WorkloadIdentity,
  { namespace: own, pod: { name } }: Pick<Caller, 'namespace' | 'pod'>,
): string | undefined {
  if (!issuer || mayHost(issuer, namespace)) return undefined;
  const pod = view.get('Pod', own, name);
  if (pod && own === namespace && view.isGateway(pod)) return undefined;
  return `cluster ${issuer.cluster} may not host namespace ${namespace}: allow it with isthmus cluster namespaces, or move the workload`;
}
