import assert from 'node:assert/strict';
import { group, type Row } from '../../bench/size/row.ts';
import { measureGroup } from '../../bench/size/run.ts';
import { wholeSizes } from '../../bench/size/sizes.ts';

const row = (name: string, run: () => Promise<string>): Row<string> => ({
  row: name,
  measure: name,
  goal: '',
  run,
});
const good = row('good', () => Promise.resolve('1 ms'));
const bad = row('bad', () => Promise.reject(new Error('the agent ended')));
const late = row('late', () => new Promise(() => undefined));

describe('the measurement of a group of rows', () => {
  const measured = async (rows: readonly Row<string>[], open = () => Promise.resolve('world')) => {
    const cells: string[] = [];
    const unmeasured = await measureGroup(
      group(open, rows),
      {
        sizes: wholeSizes,
        limitSeconds: 0.01,
        isSelected: () => true,
        progress: () => undefined,
        take: ({ measured: cell }) => void cells.push(cell),
      },
      new AbortController().signal,
    );
    return [unmeasured, ...cells];
  };

  it('counts no row that it could measure', async () => {
    assert.deepEqual(await measured([good]), [0, '1 ms']);
    assert.deepEqual(await measured([]), [0]);
  });

  it('counts rows that failed or took too long, and goes on with the others', async () => {
    assert.deepEqual(await measured([bad, late, good]), [
      2,
      'failed: the agent ended',
      'not within 0.01 s',
      '1 ms',
    ]);
  });

  it('counts all rows of a world that does not start', async () => {
    const failing = () => Promise.reject(new Error('no API server'));
    const cell = 'did not start: failed: no API server';
    assert.deepEqual(await measured([good, bad], failing), [2, cell, cell]);
  });
});
