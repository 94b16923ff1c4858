import type { SystemVersion, ResourceType } from '@isthmus/mesh/delta/messages.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';

/** Names of resources by type. */
export type NamesByType = ReadonlyMap<ResourceType, ReadonlySet<string>>;

/** What was published. */
export interface Delta {
  /** What was touched, and all that differs in consequence. */
  readonly keys: ChangeSet;
  /** The resources among it. */
  readonly changed: NamesByType;
  /** Names among them that something wide reached: they may come after others. */
  readonly bulk: ReadonlySet<string>;
}

/** Takes what is published, in the turn of the event loop in which it is. */
export interface Subscriber {
  published(delta: Delta, snapshot: ClusterSnapshot, systemVersion: SystemVersion): void;
}

/** The resources that a set of keys names. */
export function resourcesIn(keys: ChangeSet): NamesByType {
  const names = new Map<ResourceType, Set<string>>();
  for (const key of keys) {
    if (key.kind !== 'resource') continue;
    const known = names.get(key.type) ?? new Set();
    names.set(key.type, known.add(key.name));
  }
  return names;
}
