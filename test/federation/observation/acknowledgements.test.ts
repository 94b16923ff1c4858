import assert from 'node:assert/strict';
import type { Applied } from '@isthmus/api/domain/report.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { appliedReport } from '@isthmus/api/wire/link.ts';
import { Reports } from '../../../federation/link/reports.ts';
import { Acknowledgements } from '../../../federation/observation/acknowledgements.ts';
import { emptyRecord } from '../../../federation/observation/record-steps.ts';

const applied = (over: Partial<Applied> = {}): Applied => ({
  subject: 'policy/p',
  version: '1',
  state: 'APPLIED',
  message: '',
  proxies: 1,
  ...over,
});

describe('equal acknowledgements of several clusters', () => {
  const reported = (shared: Acknowledgements, cluster: string, one: Applied, version?: string) => {
    const body = appliedReport.encode(one);
    const resource = { name: one.subject, version: version ?? contentVersion(body), body };
    const { change } = new Reports(undefined, shared).apply('applied', [resource], [], 1);
    return change(emptyRecord(cluster, 0)).applied.get(one.subject);
  };

  it('are one object', () => {
    const shared = new Acknowledgements();
    assert.equal(reported(shared, 'east', applied()), reported(shared, 'west', applied()));
  });

  it('are shared only when every field is equal, whatever version the agent reports', () => {
    const shared = new Acknowledgements();
    const east = reported(shared, 'east', applied(), 'v');
    for (const over of [
      { version: '2' },
      { state: 'PENDING' },
      { message: 'waiting' },
      { proxies: 2 },
    ] as const)
      assert.deepEqual(reported(shared, 'west', applied(over), 'v'), applied(over));
    assert.deepEqual(east, applied());
  });

  for (const count of [49_999, 50_000, 50_001])
    it(`of ${count} different ones at most 50,000 are shared`, () => {
      const shared = new Acknowledgements();
      for (let i = 0; i < count; i++) shared.intern(applied({ version: String(i) }));
      const texts = 1;
      assert.equal(shared.size, Math.min(count, 50_000) + texts);
    });
});
