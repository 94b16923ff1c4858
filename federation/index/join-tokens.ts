import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { JoinTokensIndex } from '../state/indexes.ts';

const none: ReadonlySet<never> = new Set<never>();

export class JoinTokens implements JoinTokensIndex {
  readonly #known = new Map<string, JoinToken>();
  readonly #withHash = new Map<string, string>();
  readonly #ofCluster = new Map<ClusterName, Set<string>>();

  get size(): number {
    return this.#known.size + this.#withHash.size + this.#ofCluster.size;
  }

  withHash(secretHash: string): string | undefined {
    return this.#withHash.get(secretHash);
  }

  of(cluster: ClusterName): ReadonlySet<string> {
    return this.#ofCluster.get(cluster) ?? none;
  }

  /** Undefined: it is not stored any more. */
  set(id: string, after: JoinToken | undefined): void {
    const before = this.#known.get(id);
    if (before) this.#drop(id, before);
    if (!after) return;
    this.#known.set(id, after);
    this.#withHash.set(after.secretHash, id);
    const ids = this.#ofCluster.get(after.cluster);
    if (ids) ids.add(id);
    else this.#ofCluster.set(after.cluster, new Set([id]));
  }

  #drop(id: string, { secretHash, cluster }: JoinToken): void {
    this.#known.delete(id);
    this.#withHash.delete(secretHash);
    const ids = this.#ofCluster.get(cluster);
    ids?.delete(id);
    if (ids?.size === 0) this.#ofCluster.delete(cluster);
  }
}
