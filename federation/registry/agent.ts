import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';

/** What a link certificate names: a cluster, and the time from one join to the next. */
export interface Membership {
  readonly cluster: ClusterName;
  readonly membership: string;
}

/** Whose agent speaks. */
export interface Agent extends Membership {
  /** That of its cluster, which is another one only in another membership. */
  readonly trustDomain: TrustDomain;
}
