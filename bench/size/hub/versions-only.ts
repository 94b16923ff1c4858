import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { HubStore } from '@isthmus/cluster-agent/link/hub-store.ts';
import { markOf, MarkSums, type Digests } from '@isthmus/mesh/delta/digest.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { MemoryJournal } from '../../../test/fakes/memory-journal.ts';

type OnReceived = (type: string, resources: readonly Resource[], removed: readonly string[]) => void;
type Named = Pick<Resource, 'name' | 'version'>;

/** Of these each cluster gets its own. */
const ownTypes: ReadonlySet<string> = new Set(['grant', 'activation']);

interface HeldType {
  readonly versions: Map<string, string>;
  readonly sums: MarkSums<string>;
}

/** Thousands of views in one process would be what is measured: this one decodes nothing. */
export class VersionsOnly extends HubStore {
  readonly #held = new Map<string, HeldType>();
  readonly #onReceived: OnReceived;

  constructor(onReceived: OnReceived) {
    super({ journal: new MemoryJournal(), hub: '', log: silentLog });
    this.#onReceived = onReceived;
  }

  override versions(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map([...this.#held].map(([type, { versions }]) => [type, versions]));
  }

  override digests(type: string): Digests {
    return new Map(this.#held.get(type)?.sums ?? []);
  }

  override apply(
    type: string,
    resources: readonly Resource[],
    removed: readonly string[],
  ): ReturnType<HubStore['apply']> {
    const { versions, sums } = this.#of(type);
    const forget = (name: string) => {
      const before = versions.get(name);
      if (before !== undefined) sums.subtract(digestGroup(type, name), markOf(name, before));
      versions.delete(name);
    };
    for (const { name, version } of resources) {
      forget(name);
      versions.set(name, version);
      sums.add(digestGroup(type, name), markOf(name, version));
    }
    for (const name of removed) forget(name);
    this.#onReceived(type, resources, removed);
    return { rejected: [], changes: new ChangeSet() };
  }

  /** Holds what another one holds for its peers, instead of what it held. Gives that, by type. */
  adopt(other: VersionsOnly, own: string): ReadonlyMap<string, readonly Named[]> {
    const adopted = new Map<string, readonly Named[]>();
    for (const [type, held] of other.#held) {
      if (ownTypes.has(type)) continue;
      const versions = new Map(held.versions);
      const sums = held.sums.copy();
      if (type === 'remote') {
        sums.delete(own);
        for (const name of versions.keys()) if (digestGroup(type, name) === own) versions.delete(name);
      }
      this.#held.set(type, { versions, sums });
      adopted.set(
        type,
        [...versions].map(([name, version]) => ({ name, version })),
      );
    }
    return adopted;
  }

  #of(type: string): HeldType {
    const known = this.#held.get(type) ?? { versions: new Map(), sums: new MarkSums<string>() };
    this.#held.set(type, known);
    return known;
  }
}
