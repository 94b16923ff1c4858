import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { groups } from '../../bench/size/groups.ts';
import { committedIn, sizeTable, type TableRow } from '../../bench/size/table.ts';

const aRow = (row: string, over: Partial<TableRow> = {}): TableRow => ({
  row,
  measure: `what ${row} is`,
  measured: '12 ms',
  goal: '10 ms',
  ...over,
});

describe('the table of sizes', () => {
  it('has measured, committed and goal side by side, and a dash where nothing was committed', () => {
    const table = sizeTable([aRow('one'), aRow('two')], new Map([['one', '20 ms']]));
    const lines = table.split('\n').filter((line) => line.startsWith('|'));
    assert.deepEqual(lines, [
      '| row | measure | measured | committed | goal |',
      '| --- | --- | --- | --- | --- |',
      '| one | what one is | 12 ms | 20 ms | 10 ms |',
      '| two | what two is | 12 ms | - | 10 ms |',
    ]);
  });

  it('is read again from a document as it was printed', () => {
    const table = sizeTable([aRow('one'), aRow('two', { measured: '3 | 4 ms' })], new Map());
    const read = committedIn(`# Measurements\n\n| row | measured |\n\n${table}\n\nmore text\n`);
    assert.deepEqual(
      [...read],
      [
        ['one', '12 ms'],
        ['two', '3 | 4 ms'],
      ],
    );
  });

  it('keeps a value of several lines in its row', () => {
    const table = sizeTable([aRow('one', { measured: 'failed:\n  it ended' })], new Map());
    assert.equal(committedIn(table).get('one'), 'failed: it ended');
  });

  it('is read by the names of its columns, padded or not', () => {
    const document =
      '<!-- bench:size -->\n| goal | measured |  row |\n|---|---|---|\n| 1 |  5 ms | one |\n<!-- /bench:size -->';
    assert.deepEqual([...committedIn(document)], [['one', '5 ms']]);
  });

  const without = {
    'there are no markers': '| row | measured |\n|---|---|\n| one | 5 |',
    'a marker is missing': '<!-- bench:size -->\n| row | measured |\n|---|---|\n| one | 5 |',
    'no column is called measured':
      '<!-- bench:size -->\n| row | goal |\n|---|---|\n| a | 5 |\n<!-- /bench:size -->',
    'nothing is between the markers': '<!-- bench:size -->\n<!-- /bench:size -->',
  };
  for (const [name, document] of Object.entries(without))
    it(`says that nothing was committed when ${name}`, () => assert.equal(committedIn(document).size, 0));

  it('in docs/bench.md has every row that the tool measures, and no other', () => {
    const document = readFileSync(join(import.meta.dirname, '../../docs/bench.md'), 'utf8');
    const measured = groups.flatMap(({ rows }) => rows.map(({ row }) => row));
    assert.deepEqual([...committedIn(document).keys()].sort(), [...measured].sort());
  });
});
