import { HubError } from '../hub-error.ts';
import type {
  AuditEntry,
  Change,
  Commit,
  CommitResult,
  Contents,
  Epoch,
  Recorded,
  Revision,
} from './store.ts';
import type { Stored, Write } from './store.ts';
import { HistoryTruncated } from './truncated.ts';

/** Commits that are kept for watchers and idempotency keys. */
export const retention = 20_000;

export const keyOf = (write: Write): string =>
  'put' in write ? `${write.put.kind}/${write.id}` : `${write.remove}/${write.id}`;

/**
 * What every store means by revisions, conflicts, keys and fences, in memory and without I/O. `prepare` decides a
 * commit, `apply` makes it so.
 */
export class Ledger {
  readonly #objects = new Map<string, Stored>();
  /** Without gaps, oldest first. */
  readonly #changes: Change[] = [];
  readonly #byKey = new Map<string, Change>();
  #revision: Revision;
  #fence: Epoch = 0;

  constructor(contents: Contents = { revision: 0, objects: [] }, changes: readonly Change[] = []) {
    this.#revision = contents.revision;
    for (const stored of contents.objects) this.#objects.set(`${stored.value.kind}/${stored.id}`, stored);
    for (const change of changes) this.#keep(change);
  }

  /** Another one that has what this one has now. */
  copy(): Ledger {
    const copy = new Ledger(this.contents(), this.#changes);
    copy.lead(this.#fence);
    return copy;
  }

  /** Commits of earlier epochs are refused from now on. */
  lead(epoch: Epoch): void {
    this.#fence = Math.max(this.#fence, epoch);
  }

  get revision(): Revision {
    return this.#revision;
  }

  contents(): Contents {
    return { revision: this.#revision, objects: [...this.#objects.values()] };
  }

  /** The change that a commit makes, or why it makes none. */
  prepare({ writes, audit, fence }: Commit): Change | Exclude<CommitResult, { kind: 'committed' }> {
    if (fence < this.#fence) return { kind: 'fenced', epoch: this.#fence };
    const before = this.byIdempotencyKey(audit.actor, audit.idempotencyKey);
    if (before) return { kind: 'repeated', entry: before };
    for (const write of writes) {
      const actual = this.#objects.get(keyOf(write))?.revision ?? 0;
      const { id, expected } = write;
      if (expected !== undefined && expected !== actual)
        return { kind: 'conflict', id, expected, actual, revision: this.#revision };
    }
    return { revision: this.#revision + 1, writes, audit };
  }

  apply(change: Change, fence: Epoch): void {
    const { revision, writes } = change;
    this.#fence = Math.max(this.#fence, fence);
    this.#revision = revision;
    for (const write of writes)
      if ('put' in write) this.#objects.set(keyOf(write), { id: write.id, revision, value: write.put });
      else this.#objects.delete(keyOf(write));
    this.#keep(change);
  }

  /** Commits after a revision. Throws HISTORY_TRUNCATED when some of them are no longer kept, and REVISION_UNKNOWN. */
  after(revision: Revision): readonly Change[] {
    const oldest = this.#changes[0]?.revision ?? this.#revision + 1;
    if (revision + 1 < oldest) throw new HistoryTruncated(oldest - 1);
    if (revision > this.#revision)
      throw new HubError(
        'REVISION_UNKNOWN',
        `this store is at revision ${this.#revision}, before ${revision}: read everything again, then ask from there`,
      );
    return this.#changes.slice(revision + 1 - oldest);
  }

  byIdempotencyKey(actor: string, key: string): Recorded | undefined {
    const found = this.#byKey.get(usedBy({ actor, idempotencyKey: key }));
    return found && entry(found);
  }

  #keep(change: Change): void {
    this.#changes.push(change);
    if (change.audit.idempotencyKey !== '') this.#byKey.set(usedBy(change.audit), change);
    if (this.#changes.length <= retention) return;
    const gone = this.#changes.shift();
    if (gone) this.#byKey.delete(usedBy(gone.audit));
  }
}

const usedBy = ({ actor, idempotencyKey }: Pick<AuditEntry, 'actor' | 'idempotencyKey'>): string =>
  JSON.stringify([actor, idempotencyKey]);

const entry = ({ audit, revision }: Change): Recorded => ({ ...audit, revision });
