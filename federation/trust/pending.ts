import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { parseSubject, type ClusterName } from '@isthmus/api/domain/names.ts';
import { touches, written, type ChangeSet } from '../observation/change-set.ts';
import type { Now } from '../state/now.ts';
import type { Stored } from '../store/store.ts';
import { hasAcknowledged, mayActivate, unacknowledgedBy, type Waiting } from './activation.ts';

/** Intermediates that wait, each with the members that have yet to acknowledge it. */
export class PendingIntermediates {
  readonly #waiting = new Map<string, Set<ClusterName>>();
  /** Clusters that had a replica beside the one that leads: what counts as acknowledged there rests on all of them. */
  readonly #replicated = new Set<ClusterName>();

  constructor(now: Now) {
    for (const keyId of now.intent.intermediates.keys()) this.#read(keyId, now);
  }

  get size(): number {
    return this.#waiting.size + this.#replicated.size;
  }

  get keyIds(): Iterable<string> {
    return this.#waiting.keys();
  }

  /** All of them, each with its cluster. */
  *all({ intent }: Now): Generator<Waiting> {
    for (const [keyId, members] of this.#waiting) {
      const cluster = intent.intermediates.get(keyId)?.value.cluster;
      if (cluster !== undefined) yield { cluster, members };
    }
  }

  /** Those that a change may have made ready. */
  follow(changes: ChangeSet, now: Now): ReadonlySet<string> {
    for (const keyId of written(changes, 'intermediate').keys()) this.#read(keyId, now);
    const named = this.#acknowledged(changes, now);
    const members = membersChanged(changes, now);
    for (const cluster of [...members, ...this.#replicasChanged(changes, now)])
      for (const [keyId, waiting] of this.#waiting) recheck(waiting, cluster, keyId, now);
    const mayBeAny = members.size > 0 || changes.links.size > 0 || touches(changes, 'intermediate');
    return mayBeAny ? new Set(this.#waiting.keys()) : named;
  }

  /** Whether it may begin to sign. `at`: epoch milliseconds. */
  isReady(keyId: string, now: Now, at: number): boolean {
    const record = now.intent.intermediates.get(keyId)?.value;
    const waiting = this.#waiting.get(keyId);
    return record !== undefined && waiting !== undefined && mayActivate(record, waiting, now, at);
  }

  #replicasChanged({ links, forgotten }: ChangeSet, { observed }: Now): readonly ClusterName[] {
    for (const cluster of forgotten) this.#replicated.delete(cluster);
    return [...links].filter((cluster) => {
      const had = this.#replicated.delete(cluster);
      const has = observed.get(cluster)?.replicas.some(({ leads }) => !leads) ?? false;
      if (has) this.#replicated.add(cluster);
      return had || has;
    });
  }

  #acknowledged(changes: ChangeSet, now: Now): ReadonlySet<string> {
    const found = new Set<string>();
    for (const [subject, clusters] of changes.applied) {
      const parsed = parseSubject(subject);
      if (parsed?.type !== 'intermediate') continue;
      const { name } = parsed;
      const waiting = this.#waiting.get(name);
      if (!waiting) continue;
      found.add(name);
      for (const cluster of clusters) recheck(waiting, cluster, name, now);
    }
    return found;
  }

  #read(keyId: string, now: Now): void {
    const record = now.intent.intermediates.get(keyId)?.value;
    if (!record || record.activated || record.revoked) this.#waiting.delete(keyId);
    else this.#waiting.set(keyId, new Set(unacknowledgedBy(record, now).map(({ name }) => name)));
  }
}

/** Reads again whether one cluster has yet to acknowledge an intermediate. */
function recheck(waiting: Set<ClusterName>, cluster: ClusterName, keyId: string, now: Now): void {
  const isMember = now.intent.clusters.get(cluster)?.value.admission === 'ADMITTED';
  if (isMember && !hasAcknowledged(cluster, keyId, now)) waiting.add(cluster);
  else waiting.delete(cluster);
}

/**
 * Clusters that are, or were, waited for, and of which something differs that counts for that: whether they are
 * members, and since when. One that is only expected, as a join token makes it, counts for nothing.
 */
export function membersChanged(changes: ChangeSet, { intent }: Now): ReadonlySet<ClusterName> {
  const changed = new Set<ClusterName>();
  for (const [name, stored] of written(changes, 'cluster')) {
    const [before, after] = [memberOf(stored), memberOf(intent.clusters.get(name))];
    if (before?.membership !== after?.membership || before?.joinedAt !== after?.joinedAt) changed.add(name);
  }
  return changed;
}

const memberOf = (stored: Stored<Cluster> | undefined): Cluster | undefined =>
  stored?.value.admission === 'ADMITTED' ? stored.value : undefined;
