import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';

/** Which clusters receive a resource. */
export type Audience =
  | { readonly kind: 'all' }
  | { readonly kind: 'clusters'; readonly clusters: ReadonlySet<ClusterName> }
  /** All but the owner. */
  | { readonly kind: 'peers'; readonly owner: ClusterName };

/** What of a cluster decides which resources it receives. */
export interface Receiver {
  readonly cluster: ClusterName;
  /** Which policies are for it. It stays as long as a membership does. */
  readonly trustDomain: TrustDomain;
}

export function receives(audience: Audience, { cluster }: Receiver): boolean {
  switch (audience.kind) {
    case 'all':
      return true;
    case 'clusters':
      return audience.clusters.has(cluster);
    case 'peers':
      return audience.owner !== cluster;
  }
}

export function isSameAudience(one: Audience, other: Audience): boolean {
  if (one === other) return true;
  if (one.kind === 'clusters' && other.kind === 'clusters') return isSameSet(one.clusters, other.clusters);
  // The owner is part of the resource's name.
  return one.kind === other.kind && one.kind !== 'clusters';
}

const isSameSet = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  one === other || (one.size === other.size && [...one].every((name) => other.has(name)));
