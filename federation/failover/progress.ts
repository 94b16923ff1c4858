import { parseSubject, type ClusterName, type Subject } from '@isthmus/api/domain/names.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import { touches, written, type ChangeSet } from '../observation/change-set.ts';
import type { Now } from '../state/now.ts';
import { advanced, hasApplied, subjectOfApplied } from './operation.ts';

interface Running {
  readonly operation: Operation;
  /** Clusters that had yet to apply it when it was written down last. */
  readonly waiting: ReadonlySet<ClusterName>;
}

/** The operations that run, by what agents acknowledge, so that an acknowledgement costs what it is about. */
export class Progress {
  readonly #running = new Map<string, Running>();
  readonly #bySubject = new Map<string, Set<string>>();

  constructor(now: Now) {
    for (const id of now.intent.operations.keys()) this.#read(id, now);
  }

  get size(): number {
    return this.#running.size + this.#bySubject.size;
  }

  /** Operations that are further than they were written down. Visits all clusters of each. */
  further(now: Now): ReadonlySet<string> {
    return new Set([...this.#running.keys()].filter((id) => this.#isFurther(id, now)));
  }

  /** Those that a change has brought further. */
  follow(changes: ChangeSet, now: Now): ReadonlySet<string> {
    const ids = [...written(changes, 'operation').keys()];
    for (const id of ids) this.#read(id, now);
    // Another version of what is to be applied, or a cluster that is waited for no more.
    if (touches(changes, 'cluster', 'failover', 'intermediate')) return this.further(now);
    const due = new Set(ids.filter((id) => this.#isFurther(id, now)));
    // What is gone is proven gone at a cluster once its agent has listed what it has.
    if (changes.links.size > 0)
      for (const id of this.#running.keys()) if (this.#hasMoved(id, changes.links, now)) due.add(id);
    for (const [subject, clusters] of changes.applied)
      for (const id of this.#bySubject.get(operationSubject(subject, now)) ?? [])
        if (this.#hasMoved(id, clusters, now)) due.add(id);
    return due;
  }

  #hasMoved(id: string, clusters: ReadonlySet<ClusterName>, now: Now): boolean {
    const running = this.#running.get(id);
    return [...clusters].some(
      (cluster) =>
        running?.waiting.has(cluster) === true &&
        hasApplied(running.operation, now.observed.get(cluster), now),
    );
  }

  #isFurther(id: string, now: Now): boolean {
    const operation = this.#running.get(id)?.operation;
    return operation !== undefined && advanced(operation, now, 0) !== operation;
  }

  #read(id: string, { intent }: Now): void {
    const before = this.#running.get(id);
    this.#running.delete(id);
    if (before) {
      const ids = this.#bySubject.get(before.operation.subject);
      ids?.delete(id);
      if (ids?.size === 0) this.#bySubject.delete(before.operation.subject);
    }
    const operation = intent.operations.get(id)?.value;
    if (operation?.state !== 'RUNNING') return;
    const applied = new Set(operation.applied.map(({ cluster }) => cluster));
    const waiting = new Set(operation.clusters.filter((cluster) => !applied.has(cluster)));
    this.#running.set(id, { operation, waiting });
    const ids = this.#bySubject.get(operation.subject);
    if (ids) ids.add(id);
    else this.#bySubject.set(operation.subject, new Set([id]));
  }
}

/** The subject of operations that wait for an acknowledgement of this. */
function operationSubject(subject: Subject, { intent }: Now): string {
  const parsed = parseSubject(subject);
  if (parsed?.type === 'intermediate') return intent.intermediates.get(parsed.name)?.value.cluster ?? '';
  return subjectOfApplied(subject);
}
