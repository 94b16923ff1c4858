import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';

/** Which cluster an agent serves, and the trust domain of its workloads, as the hub has assigned it. */
export interface ClusterIdentity {
  readonly cluster: string;
  readonly trustDomain: TrustDomain;
}
