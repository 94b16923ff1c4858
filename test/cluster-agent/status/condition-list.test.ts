import assert from 'node:assert/strict';
import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import {
  maxMessage,
  mergedConditions,
  readConditions,
} from '@isthmus/cluster-agent/status/condition-list.ts';

const now = Date.UTC(2026, 10, 30, 12);
const at = { generation: 3, now };
const ours: Wanted = { type: 'isthmus.io/Enforced', status: 'True', reason: 'Enforced', message: 'well' };
const asWritten = { ...ours, observedGeneration: 3, lastTransitionTime: '2026-11-30T12:00:00Z' };

const merged = (before: unknown, wanted: readonly Wanted[] = [ours], how: typeof at = at) =>
  mergedConditions(readConditions(before), wanted, how);

describe('the conditions of a status', () => {
  it('are written where there are none', () => {
    assert.deepEqual(merged(undefined), [asWritten]);
    assert.deepEqual(merged('odd'), [asWritten]);
  });

  it('are not written when the API has them', () => {
    assert.equal(merged([asWritten], [ours], { generation: 3, now: now + 60_000 }), undefined);
    assert.equal(merged([{ ...asWritten, observedGeneration: '3' }]), undefined);
  });

  it('keep their time while the status is the same, whatever else differs', () => {
    const later = { generation: 4, now: now + 60_000 };
    assert.deepEqual(merged([asWritten], [{ ...ours, message: 'still well' }], later), [
      { ...asWritten, message: 'still well', observedGeneration: 4 },
    ]);
  });

  it('have a new time when the status is another one', () => {
    const no: Wanted = { ...ours, status: 'False', reason: 'Pending' };
    const later = { generation: 3, now: now + 60_000 };
    assert.deepEqual(merged([asWritten], [no], later), [
      { ...no, observedGeneration: 3, lastTransitionTime: '2026-11-30T12:01:00Z' },
    ]);
  });

  it('leave those of others where and what they are', () => {
    const other = { type: 'WaypointAccepted', status: 'True', lastProbeTime: 'x', odd: [1] };
    assert.deepEqual(merged([other]), [other, asWritten]);
    assert.equal(merged([other, asWritten]), undefined);
    assert.equal(merged([asWritten, other]), undefined);
  });

  it('name no generation where none is known, and then the one that was there', () => {
    const unknown = { generation: undefined, now };
    const bare = { ...ours, lastTransitionTime: '2026-11-30T12:00:00Z' };
    assert.deepEqual(mergedConditions([], [ours], unknown), [bare]);
    assert.equal(mergedConditions(readConditions([asWritten]), [ours], unknown), undefined);
  });

  it('cut a message that is too long', () => {
    for (const length of [maxMessage - 1, maxMessage, maxMessage + 1]) {
      const [one] = merged([], [{ ...ours, message: 'x'.repeat(length) }]) as [{ message: string }];
      assert.equal(one.message.length, Math.min(length, maxMessage));
      assert.equal(one.message.endsWith('…'), length > maxMessage);
    }
  });
});
