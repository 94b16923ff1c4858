import type { AuditEntry, Change, Commit, CommitResult, Contents, Revision, Stored, Write } from './store.ts';
import { HistoryTruncated } from './truncated.ts';

/** Commits that are kept for watchers, the audit and idempotency keys. */
const retention = 20_000;

export const keyOf = (write: Write): string =>
  'put' in write ? `${write.put.kind}/${write.id}` : `${write.remove}/${write.id}`;

/**
 * What every store means by revisions, conflicts and fences, in memory and without I/O. `prepare` decides a commit,
 * `apply` makes it so.
 */
export class Ledger {
  readonly #objects = new Map<string, Stored>();
  readonly #changes: Change[] = [];
  #revision: Revision;
  #fence = 0;

  constructor(contents: Contents = { revision: 0, objects: [] }, changes: readonly Change[] = []) {
    this.#revision = contents.revision;
    for (const stored of contents.objects) this.#objects.set(`${stored.value.kind}/${stored.id}`, stored);
    this.#changes.push(...changes);
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
    for (const write of writes) {
      const actual = this.#objects.get(keyOf(write))?.revision ?? 0;
      if (write.expected !== undefined && write.expected !== actual)
        return { kind: 'conflict', id: write.id, expected: write.expected, actual };
    }
    return { revision: this.#revision + 1, writes, audit };
  }

  apply(change: Change, fence: number): void {
    const { revision, writes } = change;
    this.#fence = fence;
    this.#revision = revision;
    for (const write of writes)
      if ('put' in write) this.#objects.set(keyOf(write), { id: write.id, revision, value: write.put });
      else this.#objects.delete(keyOf(write));
    this.#changes.push(change);
    if (this.#changes.length > retention) this.#changes.splice(0, this.#changes.length - retention);
  }

  /** Commits after a revision. Throws HISTORY_TRUNCATED when some of them are no longer kept. */
  after(revision: Revision): readonly Change[] {
    const oldest = this.#changes[0]?.revision ?? this.#revision + 1;
    if (revision + 1 < oldest) throw new HistoryTruncated(oldest - 1);
    return this.#changes.filter((change) => change.revision > revision);
  }

  audit(limit: number, before: Revision | undefined): readonly (AuditEntry & { revision: Revision })[] {
    const older =
      before === undefined ? this.#changes : this.#changes.filter(({ revision }) => revision < before);
    return older.slice(-limit).reverse().map(entry);
  }

  byIdempotencyKey(actor: string, key: string): (AuditEntry & { revision: Revision }) | undefined {
    const found = this.#changes.findLast(
      ({ audit }) => audit.actor === actor && audit.idempotencyKey === key,
    );
    return found && entry(found);
  }
}

const entry = ({ audit, revision }: Change) => ({ ...audit, revision });
