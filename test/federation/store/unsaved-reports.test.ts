import assert from 'node:assert/strict';
import type { ReportsWrite } from '@isthmus/federation/store/sqlite-reports.ts';
import type { ReportRow } from '@isthmus/federation/store/store.ts';
import { UnsavedReports } from '@isthmus/federation/store/unsaved-reports.ts';

describe('reports that could not be written', () => {
  const row = (name: string, version?: string): ReportRow => ({
    type: 'service',
    name,
    resource: version === undefined ? undefined : { version, body: Buffer.from(version) },
  });
  const write = (cluster: string, asOf: number, ...rows: ReportRow[]): ReportsWrite => ({
    cluster,
    rows,
    asOf,
  });
  const forget = (cluster: string, asOf: number): ReportsWrite => ({ cluster, rows: undefined, asOf });

  it('are the latest of each name, with the time of the latest', () => {
    const unsaved = new UnsavedReports();
    unsaved.add([write('east', 1, row('a', '1'), row('b', '1')), write('west', 1, row('a', '1'))]);
    unsaved.add([write('east', 2, row('a', '2'), row('b'))]);
    assert.deepEqual(
      [...unsaved.writes()],
      [write('east', 2, row('a', '2'), row('b')), write('west', 1, row('a', '1'))],
    );
    unsaved.clear();
    assert.deepEqual([...unsaved.writes()], []);
  });

  it('of a cluster that was forgotten are only those that came after it', () => {
    const unsaved = new UnsavedReports();
    unsaved.add([write('east', 1, row('a', '1'))]);
    unsaved.add([forget('east', 2)]);
    unsaved.add([write('east', 3, row('b', '1'))]);
    assert.deepEqual([...unsaved.writes()], [forget('east', 3), write('east', 3, row('b', '1'))]);
  });
});
