import assert from 'node:assert/strict';
import type { Applied } from '@isthmus/api/domain/report.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { Acknowledgements } from '../../federation/observation/acknowledgements.ts';
import { differingLeaves } from '../../federation/observation/persistent-map.ts';
import { emptyRecord, withApplied } from '../../federation/observation/record-steps.ts';

const applied = (subject: string): Applied => ({
  subject,
  version: '1',
  state: 'APPLIED',
  message: '',
  proxies: 1,
});

/** How many acknowledgements are compared for one more of a cluster that has so many. */
function compared(held: number): number {
  const all = Array.from({ length: held }, (_, i) => {
    const subject = `intermediate/${i.toString(16).padStart(40, '0')}`;
    return [subject, applied(subject)] as const;
  });
  const before = withApplied(emptyRecord('east', 0), all, 1);
  const after = withApplied(before, [['policy/p', applied('policy/p')]], 2);
  return differingLeaves(before.applied, after.applied).reduce(
    (sum, [old, next]) => sum + old.size + next.size,
    0,
  );
}

describe('the size of an acknowledgement', () => {
  it('one beside 2,000 is compared with at most 100 of them', () => assert.ok(compared(2_000) <= 100));

  it('one beside 250 is compared with at most 25 of them', () => assert.ok(compared(250) <= 25));

  it('of 20 clusters that hold the same 50 and return, 50 are hashed for the digests that open their streams', () => {
    const shared = new Acknowledgements();
    const held = new Map(Array.from({ length: 50 }, (_, i) => [`intermediate/k${i}`, '1'] as const));
    const open = () =>
      new ClientSession(['applied'], new Map([['applied', held]])).openByDigests(
        () => 'all',
        (_type, name, version) => shared.mark(name, version),
      );
    const digests = Array.from({ length: 20 }, () => open()[0]?.digests);
    assert.equal(shared.size, 50);
    const whole = new ClientSession(['applied'], new Map([['applied', held]])).openByDigests(() => 'all');
    for (const one of digests) assert.deepEqual(one, whole[0]?.digests);
  });
});
