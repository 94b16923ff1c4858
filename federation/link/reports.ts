import { defaultLimits, type ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { RejectedReport, ClusterRecord } from '../observation/cluster-record.ts';
import { withRejections } from '../observation/record-steps.ts';
import { reportKinds, type ReportKind } from './report-kinds.ts';
import { ReportUsage } from './report-usage.ts';

type Change = (record: ClusterRecord) => ClusterRecord;

type Saved = readonly [name: string, version: string, body: string];

/** What a cluster's agent has sent and still stands, with its versions: a reconnect then costs only what changed. */
export class Reports {
  readonly #byType = new Map<string, Map<string, Resource>>();
  readonly #usage: ReportUsage;
  /** Of the newest of them, epoch milliseconds. */
  #asOf = 0;

  constructor(limits: ClusterLimits = defaultLimits) {
    this.#usage = new ReportUsage(limits);
  }

  /** Name to version by type, for the opening of a stream. */
  versions(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map(
      [...this.#byType].map(([type, held]) => [
        type,
        new Map([...held].map(([name, { version }]) => [name, version])),
      ]),
    );
  }

  /**
   * Takes what can be read and is within the limits, names what is not, and gives what it all means for the record.
   * What is held under the name of a rejected resource stays as it was. What is held in its version already is not read
   * again: an agent that repeats its whole state costs no more than its bytes.
   */
  apply(
    type: string,
    resources: readonly Resource[],
    removed: readonly string[],
    now: number,
  ): { change: Change; rejected: readonly Rejected[]; isNews: boolean } {
    const held = this.#byType.get(type) ?? new Map<string, Resource>();
    this.#byType.set(type, held);
    this.#asOf = now;
    const kind = reportKinds[type];
    if (!kind)
      return {
        change: (record) => record,
        rejected: resources.map(({ name }) => ({ name, reason: `type ${type} is not taken here` })),
        isNews: false,
      };
    const changes: [string, unknown][] = [];
    const rejections: RejectedReport[] = [];
    const repeated: string[] = [];
    for (const resource of resources) {
      if (held.get(resource.name)?.version === resource.version) {
        repeated.push(resource.name);
        continue;
      }
      const read = this.#read(type, kind, resource, now);
      if (!read.ok) rejections.push(read.error);
      else {
        held.set(resource.name, resource);
        changes.push([resource.name, read.value]);
      }
    }
    for (const name of removed) {
      this.#usage.release(type, name);
      if (held.delete(name)) changes.push([name, undefined]);
    }
    const settled = [...changes.map(([name]) => name), ...repeated, ...removed];
    return {
      change: (record) => withRejections(kind.change(record, changes, now), type, settled, rejections),
      rejected: rejections.map(({ name, why }) => ({ name, reason: why })),
      isNews: changes.length > 0,
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
    return ok(read.value);
  }

  /** As bytes for the store, and back; nothing in them is secret. */
  save(): Uint8Array {
    const types = [...this.#byType].map(([type, held]): [string, Saved[]] => [
      type,
      [...held.values()].map(({ name, version, body }) => [
        name,
        version,
        Buffer.from(body).toString('base64'),
      ]),
    ]);
    return Buffer.from(JSON.stringify({ asOf: this.#asOf, types }));
  }

  /** The error is a sentence; the reader continues without the resource. */
  static load(
    bytes: Uint8Array,
    limits: ClusterLimits = defaultLimits,
  ): Result<{ reports: Reports; change: Change }, string> {
    const saved = readSaved(bytes);
    if (!saved.ok) return saved;
    const { asOf, types } = saved.value;
    const reports = new Reports(limits);
    const changes = types.map(([type, held]) => {
      const resources = held.map(([name, version, body]) => ({
        name,
        version,
        body: Buffer.from(body, 'base64'),
      }));
      return reports.apply(type, resources, [], asOf).change;
    });
    return ok({ reports, change: (record) => changes.reduce((next, one) => one(next), record) });
  }
}

interface SavedReports {
  readonly asOf: number;
  readonly types: readonly (readonly [type: string, held: readonly Saved[]])[];
}

/** Written by ourselves, and perhaps by another version of us. */
function readSaved(bytes: Uint8Array): Result<SavedReports, string> {
  try {
    const saved = JSON.parse(Buffer.from(bytes).toString()) as Partial<SavedReports>;
    const { asOf, types } = saved;
    if (typeof asOf === 'number' && Array.isArray(types)) return ok({ asOf, types });
    return err('it was written by another version');
  } catch (error) {
    return err(String(error));
  }
}
