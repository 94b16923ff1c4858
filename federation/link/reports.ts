import * as wire from '@isthmus/api/wire/link.ts';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { withApplied, withGateways, withReport, withServices, type Changes } from '../state/shard.ts';
import type { Shard } from '../state/observed.ts';

type Change = (shard: Shard) => Shard;

type Saved = readonly [name: string, version: string, body: string];

/** What a cluster's agent has sent and still stands, with its versions: a reconnect then costs only what changed. */
export class Reports {
  readonly #byType = new Map<string, Map<string, Resource>>();
  /** Of the newest of them, epoch milliseconds. */
  #asOf = 0;

  /** Name to version by type, for the opening of a stream. */
  versions(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map(
      [...this.#byType].map(([type, held]) => [
        type,
        new Map([...held].map(([name, { version }]) => [name, version])),
      ]),
    );
  }

  /** Takes what can be read, names what cannot, and gives what it all means for the shard. */
  apply(
    type: string,
    resources: readonly Resource[],
    removed: readonly string[],
    now: number,
  ): { change: Change; rejected: readonly Rejected[] } {
    const held = this.#byType.get(type) ?? new Map<string, Resource>();
    this.#byType.set(type, held);
    this.#asOf = now;
    const kind = kinds[type];
    if (!kind)
      return {
        change: (shard) => shard,
        rejected: resources.map(({ name }) => ({ name, reason: `type ${type} is not taken here` })),
      };
    const changes: [string, unknown][] = [];
    const rejected: Rejected[] = [];
    for (const resource of resources) {
      const read = kind.decode(resource.body);
      if (!read.ok) rejected.push({ name: resource.name, reason: read.error });
      else {
        held.set(resource.name, resource);
        changes.push([resource.name, read.value]);
      }
    }
    for (const name of removed) if (held.delete(name)) changes.push([name, undefined]);
    return { change: (shard) => kind.change(shard, changes, now), rejected };
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

  /** The error is a sentence: whoever reads it goes on without. */
  static load(bytes: Uint8Array): Result<{ reports: Reports; change: Change }, string> {
    const saved = readSaved(bytes);
    if (!saved.ok) return saved;
    const { asOf, types } = saved.value;
    const reports = new Reports();
    const changes = types.map(([type, held]) => {
      const resources = held.map(([name, version, body]) => ({
        ...{ name, version },
        body: Buffer.from(body, 'base64'),
      }));
      return reports.apply(type, resources, [], asOf).change;
    });
    return ok({ reports, change: (shard) => changes.reduce((next, one) => one(next), shard) });
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

interface Kind {
  readonly decode: (body: Uint8Array) => Result<unknown, string>;
  readonly change: (shard: Shard, changes: Changes<unknown>, asOf: number) => Shard;
}

/** A type of report: how it is read, and what it changes. */
const kind = <T>(
  decode: (body: Uint8Array) => Result<T, string>,
  change: (shard: Shard, changes: Changes<T>, asOf: number) => Shard,
): Kind => ({ decode, change: change as Kind['change'] });

const kinds: Readonly<Record<string, Kind>> = {
  cluster: kind(wire.clusterReport.decode, (shard, changes, asOf) =>
    changes.reduce((next, [, report]) => (report ? withReport(next, report, asOf) : next), shard),
  ),
  service: kind(wire.serviceReport.decode, withServices),
  gateway: kind(wire.gatewayReport.decode, withGateways),
  applied: kind(wire.appliedReport.decode, withApplied),
};
