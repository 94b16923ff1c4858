import { contentVersion } from '@isthmus/api/wire/binary.ts';
import type { Produced, ProducedResources } from '@isthmus/mesh/delta/produced.ts';

/** The encoded reports of this cluster to the hub, by type. */
export class PublishedReports {
  readonly #byType = new Map<string, ReadonlyMap<string, Produced>>();

  /** Replaces all of a type; true when something of it is another than before. */
  publish<T>(type: string, records: ReadonlyMap<string, T>, encode: (record: T) => Uint8Array): boolean {
    const before = this.#byType.get(type);
    const next = new Map<string, Produced>();
    for (const [name, record] of records) {
      const body = encode(record);
      next.set(name, { version: contentVersion(body), body });
    }
    this.#byType.set(type, next);
    return (
      before?.size !== next.size ||
      [...next].some(([name, { version }]) => before.get(name)?.version !== version)
    );
  }

  /** Undefined before the first. */
  of(type: string): ProducedResources | undefined {
    return this.#byType.get(type);
  }
}
