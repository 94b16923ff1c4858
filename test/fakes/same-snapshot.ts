import assert from 'node:assert/strict';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';

/** Asserts that two snapshots agree resource for resource; the order within one counts, as it decides its bytes. */
export function assertSameSnapshot(one: ClusterSnapshot, other: ClusterSnapshot): void {
  for (const part of ['workloads', 'services', 'authorizations'] as const) {
    assert.deepEqual([...one[part].keys()].sort(), [...other[part].keys()].sort(), part);
    for (const [name, record] of other[part])
      assert.deepEqual(ordered(one[part].get(name)), ordered(record), name);
  }
  assert.deepEqual(one.withdrawn, other.withdrawn);
  assert.deepEqual(one.bundles, other.bundles);
  assert.deepEqual(one.intermediates, other.intermediates);
}

/** Maps as lists of their entries. */
const ordered = (record: object | undefined): unknown =>
  record &&
  Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key,
      value instanceof Map ? [...value] : (value as unknown),
    ]),
  );
