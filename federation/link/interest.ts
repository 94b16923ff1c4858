import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { CatalogUpdate } from '../compile/compiled.ts';
import type { ChangeSet } from '../observation/change-set.ts';
import { Held } from './held.ts';

/** Something that a session has to look at: an update of the catalog, or a name that is no longer held back. */
export type Work =
  | { readonly kind: 'update'; readonly update: CatalogUpdate }
  | { readonly kind: 'released'; readonly type: DownType; readonly name: string };

/** A session with one cluster. */
export interface SyncSession {
  readonly cluster: ClusterName;
  readonly trustDomain: TrustDomain;
  /** It looks at this before it says anything more, and is visited soon. */
  queue(work: Work): void;
}

/**
 * Which sessions hold or await a name. Who receives a resource is worked out from its audience; what is held back from a
 * session is kept by name.
 */
export class Interest {
  readonly held = new Held<SyncSession>();
  readonly #byCluster = new Map<ClusterName, Set<SyncSession>>();

  get size(): number {
    return this.#byCluster.size + this.held.size;
  }

  add(session: SyncSession): void {
    const known = this.#byCluster.get(session.cluster);
    if (known) known.add(session);
    else this.#byCluster.set(session.cluster, new Set([session]));
  }

  remove(session: SyncSession): void {
    const known = this.#byCluster.get(session.cluster);
    known?.delete(session);
    if (known?.size === 0) this.#byCluster.delete(session.cluster);
    this.held.remove(session);
  }

  /** Queues what follows from a change at the sessions that it concerns, and at no other. */
  mark(update: CatalogUpdate, changes: ChangeSet): void {
    const work: Work = { kind: 'update', update };
    for (const session of this.#concerned(update)) session.queue(work);
    for (const { session, type, name } of this.held.released(changes))
      session.queue({ kind: 'released', type, name });
  }

  #concerned({ compiled }: CatalogUpdate): Iterable<SyncSession> {
    const clusters = new Set<ClusterName>();
    /** Those who own everything that is for peers receive none of it. */
    const owners = new Set<ClusterName>();
    const trustDomains = new Set<TrustDomain>();
    for (const { before, after, trustDomain } of compiled)
      for (const one of [before, after]) {
        if (one?.audience.kind === 'all') {
          if (trustDomain === undefined) return this.#all();
          trustDomains.add(trustDomain);
        }
        if (one?.audience.kind === 'peers') owners.add(one.audience.owner);
        if (one?.audience.kind === 'clusters') for (const name of one.audience.clusters) clusters.add(name);
      }
    if (owners.size > 1) return this.#all();
    const [owner] = owners;
    if (owner === undefined && trustDomains.size === 0) return this.#of(clusters);
    return this.#where(
      ({ cluster, trustDomain }) =>
        clusters.has(cluster) || trustDomains.has(trustDomain) || (owner !== undefined && cluster !== owner),
    );
  }

  *#all(): Iterable<SyncSession> {
    for (const sessions of this.#byCluster.values()) yield* sessions;
  }

  *#of(clusters: Iterable<ClusterName>): Iterable<SyncSession> {
    for (const cluster of clusters) yield* this.#byCluster.get(cluster) ?? [];
  }

  *#where(isConcerned: (session: SyncSession) => boolean): Iterable<SyncSession> {
    for (const session of this.#all()) if (isConcerned(session)) yield session;
  }
}
