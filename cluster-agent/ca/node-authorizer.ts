import {
  formatWorkloadIdentity,
  parseWorkloadIdentity,
  workloadIdentity,
  type TrustDomain,
  type WorkloadIdentity,
} from '@isthmus/mesh/identity/spiffe-id.ts';
import { err, type Result } from '@isthmus/mesh/result.ts';
import type { Caller } from './authenticator.ts';

/** What the authorizer knows of the cluster. */
export interface Pods {
  /** False until the cluster has been listed: before that, a pod that is not known is not denied. */
  readonly synced: boolean;
  /** The pod's uid, node and service account, if it is there. */
  pod(
    namespace: string,
    name: string,
  ): { readonly uid: string; readonly node: string; readonly serviceAccount: string } | undefined;
  /** Whether any pod of that service account is on the node. */
  runsOn(node: string, namespace: string, serviceAccount: string): boolean;
  /** The accounts of node proxies alone may ask on behalf of others, and only of those on their node. */
  isNodeProxyAccount(namespace: string, serviceAccount: string): boolean;
}

/**
 * Which identity a caller gets a certificate for: its own, or for a node's proxy that of a pod on the same node. What
 * the certificate request says is never asked.
 */
export function authorizeIdentity(
  caller: Caller,
  impersonated: string,
  trustDomain: TrustDomain,
  pods: Pods,
): Result<WorkloadIdentity, string> {
  const own = pods.pod(caller.namespace, caller.pod.name);
  if (
    !own ||
    own.uid !== caller.pod.uid ||
    own.serviceAccount !== caller.serviceAccount ||
    own.node !== caller.node
  )
    return err(
      `the token's pod ${caller.namespace}/${caller.pod.name} is not in this cluster as the token says`,
    );
  if (impersonated === '') return identity(caller, trustDomain);
  const wanted = parseWorkloadIdentity(impersonated);
  if (!wanted.ok) return wanted;
  const { namespace, serviceAccount } = wanted.value;
  if (wanted.value.trustDomain !== trustDomain)
    return err(`this cluster issues for trust domain ${trustDomain} only`);
  if (namespace === caller.namespace && serviceAccount === caller.serviceAccount) return wanted;
  if (!pods.isNodeProxyAccount(caller.namespace, caller.serviceAccount))
    return err(`${caller.namespace}/${caller.serviceAccount} may ask for its own identity only`);
  return pods.runsOn(own.node, namespace, serviceAccount)
    ? wanted
    : err(`no pod of ${namespace}/${serviceAccount} runs on node ${own.node}`);
}

const identity = (
  { namespace, serviceAccount }: Caller,
  trustDomain: TrustDomain,
): Result<WorkloadIdentity, string> =>
  parseWorkloadIdentity(formatWorkloadIdentity(workloadIdentity(trustDomain, namespace, serviceAccount)));
