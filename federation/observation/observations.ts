import type { ClusterName, Subject } from '@isthmus/api/domain/names.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { CollectedChanges } from './change-set.ts';
import type { ClusterRecord } from './cluster-record.ts';
import { addRecordChanges } from './record-changes.ts';
import { emptyRecord, rejectionLife, withoutOldRejections } from './record-steps.ts';

/** What is observed of clusters, beside the snapshot. The only writer of it. */
export class Observations {
  readonly #records = new Map<ClusterName, ClusterRecord>();
  readonly #expiries = new Map<ClusterName, Timer>();
  readonly #clock: Clock;
  /** Is given what differs after each step. */
  onStep: (changes: CollectedChanges) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One map for the life of the hub. */
  get records(): ReadonlyMap<ClusterName, ClusterRecord> {
    return this.#records;
  }

  /** How much it keeps, for tests that nothing stays of what is gone. */
  get size(): number {
    return this.#records.size + this.#expiries.size;
  }

  /** Replaces what is observed of a cluster. Names what differs; ages differ without a name. */
  update(cluster: ClusterName, step: (before: ClusterRecord) => ClusterRecord): void {
    const before = this.#records.get(cluster);
    const after = step(before ?? emptyRecord(cluster, this.#clock.now()));
    if (after === before) return;
    this.#records.set(cluster, after);
    if (after.rejectedReports !== before?.rejectedReports) this.#expireLater(after);
    this.#say(cluster, before, after);
  }

  /** A replica that does not lead holds these now: those that are applied, or gone, may count from now on. */
  acknowledged(cluster: ClusterName, subjects: readonly Subject[]): void {
    const record = this.#records.get(cluster);
    const changes = new CollectedChanges();
    if (record) for (const subject of subjects) changes.acknowledged(subject, cluster);
    if (!changes.isEmpty) this.onStep(changes);
  }

  /** For a cluster that is no longer known: one that comes back by that name is another. */
  forget(cluster: ClusterName): void {
    const before = this.#records.get(cluster);
    if (!this.#records.delete(cluster)) return;
    this.#expiries.get(cluster)?.cancel();
    this.#expiries.delete(cluster);
    this.#say(cluster, before, undefined);
  }

  #say(cluster: ClusterName, before: ClusterRecord | undefined, after: ClusterRecord | undefined): void {
    const changes = new CollectedChanges();
    addRecordChanges(changes, cluster, before, after);
    if (!changes.isEmpty) this.onStep(changes);
  }

  /** Rejections that the agent has not offered again go when they are too old, with no report to remind of them. */
  #expireLater({ cluster, rejectedReports }: ClusterRecord): void {
    this.#expiries.get(cluster)?.cancel();
    this.#expiries.delete(cluster);
    if (rejectedReports.size === 0) return;
    const oldest = [...rejectedReports.values()].reduce((min, { at }) => Math.min(min, at), Infinity);
    const wait = Math.min(Math.max(0, oldest + rejectionLife - this.#clock.now()), rejectionLife);
    const timer = this.#clock.after(wait, () => {
      this.#expiries.delete(cluster);
      this.update(cluster, (record) => withoutOldRejections(record, this.#clock.now()));
      const left = this.#records.get(cluster);
      if (left && !this.#expiries.has(cluster)) this.#expireLater(left);
    });
    this.#expiries.set(cluster, timer);
  }
}
