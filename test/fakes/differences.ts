import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { NamesByType } from '@isthmus/cluster-agent/publish/delta.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import type { ResourceType } from '@isthmus/mesh/delta/messages.ts';

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
    [typeUrls.trustBundle, [snapshot.bundles]],
    [typeUrls.intermediate, [snapshot.intermediates]],
    [typeUrls.authorization, [snapshot.authorizations]],
    [typeUrls.address, [snapshot.workloads, snapshot.services, snapshot.withdrawn]],
  ]);

function namesOfDifferent(before: Records, after: Records): readonly string[] {
  if (before === after) return [];
  const names: string[] = [];
  for (const [name, record] of after) if (before.get(name) !== record) names.push(name);
  for (const name of before.keys()) if (!after.has(name)) names.push(name);
  return names;
}
