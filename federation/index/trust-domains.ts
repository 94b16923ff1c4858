import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { TrustDomainsIndex } from '../state/indexes.ts';

export class TrustDomains implements TrustDomainsIndex {
  readonly #ofCluster = new Map<ClusterName, TrustDomain>();
  /** How many clusters are of each. */
  readonly #counts = new Map<TrustDomain, number>();

  get size(): number {
    return this.#counts.size;
  }

  has(trustDomain: TrustDomain): boolean {
    return this.#counts.has(trustDomain);
  }

  [Symbol.iterator](): Iterator<TrustDomain> {
    return this.#counts.keys();
  }

  /** Undefined: the cluster is not known any more. */
  set(cluster: ClusterName, after: TrustDomain | undefined): void {
    const before = this.#ofCluster.get(cluster);
    if (before === after) return;
    if (before !== undefined) this.#count(before, -1);
    if (after === undefined) {
      this.#ofCluster.delete(cluster);
      return;
    }
    this.#ofCluster.set(cluster, after);
    this.#count(after, 1);
  }

  #count(trustDomain: TrustDomain, by: 1 | -1): void {
    const count = (this.#counts.get(trustDomain) ?? 0) + by;
    if (count > 0) this.#counts.set(trustDomain, count);
    else this.#counts.delete(trustDomain);
  }
}
