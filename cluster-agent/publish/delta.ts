import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Moment, ResourceType } from '@isthmus/mesh/delta/messages.ts';
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
  published(delta: Delta, snapshot: ClusterSnapshot, moment: Moment): void;
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

type Records = ReadonlyMap<string, object>;

const none: Records = new Map();

/** Names whose records are other objects in two snapshots: records that did not change are the same objects. */
export function differences(before: ClusterSnapshot | undefined, after: ClusterSnapshot): NamesByType {
  const [old, now] = [before && recordsOf(before), recordsOf(after)];
  return new Map(
    [...now].map(([type, parts]) => [
      type,
      new Set(parts.flatMap((part, i) => namesOfDifferent(old?.get(type)?.[i] ?? none, part))),
    ]),
  );
}

/** The maps that make up each type. */
const recordsOf = (snapshot: ClusterSnapshot): ReadonlyMap<ResourceType, readonly Records[]> =>
  new Map([
    [typeUrls.trustBundle, [bundlesByName(snapshot)]],
    [typeUrls.intermediate, [intermediatesByName(snapshot)]],
    [typeUrls.authorization, [snapshot.authorizations]],
    [typeUrls.address, [snapshot.workloads, snapshot.services, snapshot.withdrawn]],
  ]);

export const bundlesByName = ({ bundles }: ClusterSnapshot) =>
  new Map(bundles.map((bundle) => [bundle.trustDomain as string, bundle]));

export const intermediatesByName = ({ intermediates }: ClusterSnapshot) =>
  new Map(intermediates.map((intermediate) => [intermediate.keyId, intermediate]));

function namesOfDifferent(before: Records, after: Records): readonly string[] {
  if (before === after) return [];
  const names: string[] = [];
  for (const [name, record] of after) if (before.get(name) !== record) names.push(name);
  for (const name of before.keys()) if (!after.has(name)) names.push(name);
  return names;
}
