import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { MarkSums, type Digests } from '@isthmus/mesh/delta/digest.ts';
import type { Receiver } from './audience.ts';
import type { Compiled } from './compiled.ts';

/**
 * Digests of what each receiver of one type should hold, without a look at its names: sums are kept by audience. Groups
 * are those of `digestGroup`: what is for peers is in the group of its owner, all else in one.
 */
export class CatalogDigests {
  readonly #ofAll = new MarkSums<''>();
  readonly #ofCluster = new MarkSums<ClusterName>();
  readonly #ofOwner = new MarkSums<ClusterName>();

  /** Keys of which a sum is kept. */
  get size(): number {
    return this.#ofAll.size + this.#ofCluster.size + this.#ofOwner.size;
  }

  replace(before: Compiled | undefined, after: Compiled | undefined): void {
    if (before) this.#each(before, (sums, key) => sums.subtract(key, before.mark));
    if (after) this.#each(after, (sums, key) => sums.add(key, after.mark));
  }

  of({ cluster }: Receiver): Digests {
    const sums = this.#ofOwner.copy();
    sums.delete(cluster);
    sums.addAll('', this.#ofAll, '');
    sums.addAll('', this.#ofCluster, cluster);
    return new Map(sums);
  }

  #each({ audience }: Compiled, change: (sums: MarkSums<string>, key: string) => void): void {
    switch (audience.kind) {
      case 'all':
        return change(this.#ofAll, '');
      case 'clusters':
        for (const cluster of audience.clusters) change(this.#ofCluster, cluster);
        return;
      case 'peers':
        return change(this.#ofOwner, audience.owner);
    }
  }
}
