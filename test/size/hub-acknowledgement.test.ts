import assert from 'node:assert/strict';
import type { Applied } from '@isthmus/api/domain/report.ts';
import { differingParts } from '../../federation/observation/applied-map.ts';
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
  return differingParts(before.applied, after.applied).reduce(
    (sum, [old, next]) => sum + (old?.size ?? 0) + (next?.size ?? 0),
    0,
  );
}

describe('the size of an acknowledgement', () => {
  it('one beside 2,000 is compared with at most 100 of them', () => assert.ok(compared(2_000) <= 100));

  it('one beside 250 is compared with at most 25 of them', () => assert.ok(compared(250) <= 25));
});
