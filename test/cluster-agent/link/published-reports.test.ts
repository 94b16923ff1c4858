import assert from 'node:assert/strict';
import { PublishedReports } from '@isthmus/cluster-agent/link/published-reports.ts';

describe('published reports', () => {
  const publish = (reports: PublishedReports, records: Readonly<Record<string, string>>) =>
    reports.publish('service', new Map(Object.entries(records)), (text) => Buffer.from(text));

  it('are other ones when one is new, gone or another, and only then', () => {
    const reports = new PublishedReports();
    assert.equal(reports.of('service'), undefined);
    const changes = [{}, { a: '1' }, { a: '1' }, { a: '2' }, { a: '2', b: '1' }, { b: '1' }, { c: '1' }];
    assert.deepEqual(
      changes.map((records) => publish(reports, records)),
      [true, true, false, true, true, true, true],
    );
    assert.deepEqual([...(reports.of('service')?.keys() ?? [])], ['c']);
  });
});
