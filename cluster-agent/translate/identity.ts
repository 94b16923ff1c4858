import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import {
  formatWorkloadIdentity,
  workloadIdentity,
  type SpiffeId,
  type TrustDomain,
} from '@isthmus/mesh/identity/spiffe-id.ts';

/** The SPIFFE ID that a pod's proxy shows for it. */
export const identityOf = (trustDomain: TrustDomain, { metadata, serviceAccount }: PodObject): SpiffeId =>
  formatWorkloadIdentity(workloadIdentity(trustDomain, metadata.namespace, serviceAccount));
