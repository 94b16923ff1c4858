import { defaultLimits, type ClusterLimits } from '@isthmus/api/domain/limits.ts';
import { markOf } from '@isthmus/mesh/delta/digest.ts';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { RejectedReport, ClusterRecord } from '../observation/cluster-record.ts';
import { Acknowledgements } from '../observation/acknowledgements.ts';
import { withRejections } from '../observation/record-steps.ts';
import { upTypes } from '@isthmus/api/wire/link.ts';
import type { ReportRow, StoredReport } from '../store/store.ts';
import { reportKinds, type ReportKind } from './report-kinds.ts';
import { ReportUsage } from './report-usage.ts';

type Change = (record: ClusterRecord) => ClusterRecord;

/** What became of reports that an agent has sent. */
interface Taken {
  readonly change: Change;
  readonly rejected: readonly Rejected[];
  /** What is to be written down; none when nothing is new. */
  readonly rows: readonly ReportRow[];
}

/** What a cluster's agent has sent and still stands, with its versions: a reconnect then costs only what changed. */
export class Reports {
  /** Name to version by type. What they say is in the cluster's record. */
  readonly #byType = new Map<string, Map<string, string>>();
  readonly #usage: ReportUsage;
  readonly #shared: Acknowledgements;

  /** `shared`: by all clusters. */
  constructor(limits: ClusterLimits = defaultLimits, shared = new Acknowledgements()) {
    this.#usage = new ReportUsage(limits);
    this.#shared = shared;
  }

  /** Name to version by type, for the opening of a stream. */
  versions(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.#byType;
  }

  /** What a report that is held adds to the digest of its group: that an acknowledgement does is known of other clusters. */
  mark(type: string, name: string, version: string): bigint {
    return type === 'applied' ? this.#shared.mark(name, version) : markOf(name, version);
  }

  /**
   * Takes what can be read and is within the limits, names what is not, and gives what it all means for the record.
   * What is held under the name of a rejected resource stays as it was. What is held in its version already is not read
   * again: an agent that repeats its whole state costs no more than its bytes.
   */
  apply(type: string, resources: readonly Resource[], removed: readonly string[], now: number): Taken {
    const held = this.#byType.get(type) ?? new Map<string, string>();
    this.#byType.set(type, held);
    const kind = reportKinds[type];
    if (!kind)
      return {
        change: (record) => record,
        rejected: resources.map(({ name }) => ({ name, reason: `type ${type} is not taken here` })),
        rows: [],
      };
    const changes: [string, unknown][] = [];
    const rejections: RejectedReport[] = [];
    const repeated: string[] = [];
    const rows: ReportRow[] = [];
    for (const resource of resources) {
      if (held.get(resource.name) === resource.version) {
        repeated.push(resource.name);
        continue;
      }
      const read = this.#read(type, kind, resource, now);
      if (!read.ok) rejections.push(read.error);
      else {
        held.set(this.#shared.text(resource.name), this.#shared.text(resource.version));
        changes.push([resource.name, read.value]);
        rows.push({ type, name: resource.name, resource: rowOf(resource) });
      }
    }
    for (const name of removed) {
      this.#usage.release(type, name);
      if (!held.delete(name)) continue;
      changes.push([name, undefined]);
      rows.push({ type, name, resource: undefined });
    }
    const settled = [...changes.map(([name]) => name), ...repeated, ...removed];
    return {
      change: (record) => withRejections(kind.change(record, changes, now), type, settled, rejections),
      rejected: rejections.map(({ name, why }) => ({ name, reason: why })),
      rows,
    };
  }

  #read(
    type: string,
    kind: ReportKind,
    { name, body }: Resource,
    at: number,
  ): Result<unknown, RejectedReport> {
    const read = kind.decode(body);
    if (!read.ok) return err({ type, name, at, why: read.error, limit: undefined });
    const misnamed = kind.misnamed(name, read.value);
    if (misnamed !== undefined) return err({ type, name, at, why: misnamed, limit: undefined });
    const taken = this.#usage.take(type, name, kind.cost(read.value), name.length + body.length);
    if (!taken.ok) return err({ type, name, at, why: taken.error.why, limit: taken.error.limit });
    return ok(kind.shared ? kind.shared(read.value, this.#shared) : read.value);
  }

  /** Takes what the store has of a cluster. */
  static restore(
    stored: readonly StoredReport[],
    limits: ClusterLimits = defaultLimits,
    shared = new Acknowledgements(),
  ): Pick<Taken, 'change' | 'rejected'> & { readonly reports: Reports } {
    const reports = new Reports(limits, shared);
    const taken = upTypes.map((type) => {
      const ofType = stored.filter((one) => one.type === type);
      const asOf = ofType.reduce((newest, one) => Math.max(newest, one.asOf), 0);
      return reports.apply(type, ofType, [], asOf);
    });
    return {
      reports,
      change: (record) => taken.reduce((next, { change }) => change(next), record),
      rejected: taken.flatMap(({ rejected }) => rejected),
    };
  }
}

/** A copy: a body may be a part of the whole message that it came with. */
const rowOf = ({ version, body }: Resource): ReportRow['resource'] => ({
  version,
  body: Uint8Array.from(body),
});
