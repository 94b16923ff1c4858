import * as wire from '@isthmus/api/wire/link.ts';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import { withApplied, withGateway, withReport, withService } from '../state/shard.ts';
import type { Shard } from '../state/observed.ts';

type Change = (shard: Shard) => Shard;

/** What a cluster's agent has sent and still stands, with its versions: a reconnect then costs only what changed. */
export class Reports {
  readonly #byType = new Map<string, Map<string, Resource>>();

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
    const changes: Change[] = [];
    const rejected: Rejected[] = [];
    for (const resource of resources) {
      const read = decode(type, resource, now);
      if (typeof read === 'string') rejected.push({ name: resource.name, reason: read });
      else {
        held.set(resource.name, resource);
        changes.push(read);
      }
    }
    for (const name of removed) if (held.delete(name)) changes.push(removal(type, name, now));
    return { change: (shard) => changes.reduce((next, one) => one(next), shard), rejected };
  }

  /** As bytes for the store, and back; nothing in them is secret. */
  save(): Uint8Array {
    const plain = [...this.#byType].map(([type, held]) => [
      type,
      [...held.values()].map(({ name, version, body }) => [
        name,
        version,
        Buffer.from(body).toString('base64'),
      ]),
    ]);
    return Buffer.from(JSON.stringify(plain));
  }

  static load(bytes: Uint8Array, now: number): { reports: Reports; change: Change } {
    const reports = new Reports();
    const plain = JSON.parse(Buffer.from(bytes).toString()) as [string, [string, string, string][]][];
    const changes = plain.map(([type, held]) => {
      const resources = held.map(([name, version, body]) => ({
        name,
        version,
        body: Buffer.from(body, 'base64'),
      }));
      return reports.apply(type, resources, [], now).change;
    });
    return { reports, change: (shard) => changes.reduce((next, one) => one(next), shard) };
  }
}

function decode(type: string, { name, body }: Resource, now: number): Change | string {
  switch (type) {
    case 'cluster': {
      const report = wire.clusterReport.decode(body);
      return report.ok ? (shard) => withReport(shard, report.value, now) : report.error;
    }
    case 'service': {
      const report = wire.serviceReport.decode(body);
      return report.ok ? (shard) => withService(shard, name, report.value, now) : report.error;
    }
    case 'gateway': {
      const gateway = wire.gatewayReport.decode(body);
      return gateway.ok ? (shard) => withGateway(shard, name, gateway.value, now) : gateway.error;
    }
    case 'applied': {
      const applied = wire.appliedReport.decode(body);
      return applied.ok ? (shard) => withApplied(shard, name, applied.value, now) : applied.error;
    }
    default:
      return `type ${type} is not taken here`;
  }
}

function removal(type: string, name: string, now: number): Change {
  switch (type) {
    case 'service':
      return (shard) => withService(shard, name, undefined, now);
    case 'gateway':
      return (shard) => withGateway(shard, name, undefined, now);
    case 'applied':
      return (shard) => withApplied(shard, name, undefined, now);
    default:
      return (shard) => shard;
  }
}
