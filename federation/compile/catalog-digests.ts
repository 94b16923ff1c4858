import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { formatRemoteName } from '@isthmus/api/domain/remote-name.ts';
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

  /** `remotes` of a service: what its exporters have under its name, which a receiver that has it alone does not get. */
  of({ cluster, alone }: Receiver, remotes: (service: ServiceKey) => Iterable<Compiled>): Digests {
    const sums = this.#ofOwner.copy();
    sums.delete(cluster);
    for (const service of alone)
      for (const { audience, mark } of remotes(service))
        if (audience.kind === 'peers' && audience.owner !== cluster) sums.subtract(audience.owner, mark);
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

/** What the members that export a service have under its name. */
export const remotesOf = (
  service: ServiceKey,
  exporters: Iterable<ClusterName>,
  get: (name: string) => Compiled | undefined,
): readonly Compiled[] =>
  [...exporters].flatMap((cluster) => get(formatRemoteName({ cluster, service })) ?? []);
