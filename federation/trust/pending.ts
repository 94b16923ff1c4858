import { parseSubject, type ClusterName } from '@isthmus/api/domain/names.ts';
import { touches, written, type ChangeSet } from '../state/change-set.ts';
import type { Now } from '../state/now.ts';
import { hasAcknowledged, mayActivate, unacknowledgedBy } from './activation.ts';

/** Intermediates that wait, each with the members that have yet to acknowledge it. */
export class PendingIntermediates {
  readonly #waiting = new Map<string, Set<ClusterName>>();

  constructor(now: Now) {
    for (const keyId of now.intent.intermediates.keys()) this.#read(keyId, now);
  }

  get size(): number {
    return this.#waiting.size;
  }

  get keyIds(): Iterable<string> {
    return this.#waiting.keys();
  }

  /** Those that a change may have made ready. */
  follow(changes: ChangeSet, now: Now): ReadonlySet<string> {
    for (const keyId of written(changes, 'intermediate').keys()) this.#read(keyId, now);
    if (touches(changes, 'cluster')) for (const keyId of [...this.#waiting.keys()]) this.#read(keyId, now);
    if (touches(changes, 'cluster', 'intermediate') || changes.links.size > 0) {
      this.#acknowledged(changes, now);
      return new Set(this.#waiting.keys());
    }
    return this.#acknowledged(changes, now);
  }

  /** Whether it may begin to sign. `at`: epoch milliseconds. */
  isReady(keyId: string, now: Now, at: number): boolean {
    const record = now.intent.intermediates.get(keyId)?.value;
    const waiting = this.#waiting.get(keyId);
    return record !== undefined && waiting !== undefined && mayActivate(record, waiting, now, at);
  }

  #acknowledged(changes: ChangeSet, now: Now): ReadonlySet<string> {
    const found = new Set<string>();
    for (const [subject, clusters] of changes.applied) {
      const { type, name } = parseSubject(subject);
      const waiting = type === 'intermediate' ? this.#waiting.get(name) : undefined;
      if (!waiting) continue;
      found.add(name);
      for (const cluster of clusters)
        if (hasAcknowledged(cluster, name, now)) waiting.delete(cluster);
        else if (now.intent.clusters.get(cluster)?.value.admission === 'ADMITTED') waiting.add(cluster);
    }
    return found;
  }

  #read(keyId: string, now: Now): void {
    const record = now.intent.intermediates.get(keyId)?.value;
    if (!record || record.activated || record.revoked) this.#waiting.delete(keyId);
    else this.#waiting.set(keyId, new Set(unacknowledgedBy(record, now).map(({ name }) => name)));
  }
}
