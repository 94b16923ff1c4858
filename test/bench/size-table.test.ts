import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { groups, table as kind } from '../../bench/size/groups.ts';
import { bench as agentBench } from '../../bench/size/kube/bench.ts';
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
    const table = sizeTable(kind, [aRow('one'), aRow('two')], new Map([['one', '20 ms']]));
    const lines = table.split('\n').filter((line) => line.startsWith('|'));
    assert.deepEqual(lines, [
      '| row | measure | measured | committed | goal |',
      '| --- | --- | --- | --- | --- |',
      '| one | what one is | 12 ms | 20 ms | 10 ms |',
      '| two | what two is | 12 ms | - | 10 ms |',
    ]);
  });

  it('has a column for istiod where the tool compares with it', () => {
    const table = sizeTable(agentBench.table, [aRow('one', { istiod: '9 ms' })], new Map());
    assert.match(table, /^<!-- bench:agent -->\n/);
    assert.match(table, /^\| row \| measure \| measured \| committed \| istiod \| goal \|$/m);
    assert.match(table, /^\| one \| what one is \| 12 ms \| - \| 9 ms \| 10 ms \|$/m);
  });

  it('is found among those of other tools', () => {
    const other = sizeTable(agentBench.table, [aRow('other')], new Map());
    const document = `${other}\n\n${sizeTable(kind, [aRow('one')], new Map())}`;
    assert.deepEqual([...committedIn(kind, document).keys()], ['one']);
  });

  it('is read again from a document as it was printed', () => {
    const table = sizeTable(kind, [aRow('one'), aRow('two', { measured: '3 | 4 ms' })], new Map());
    const read = committedIn(kind, `# Measurements\n\n| row | measured |\n\n${table}\n\nmore text\n`);
    assert.deepEqual(
      [...read],
      [
        ['one', '12 ms'],
        ['two', '3 | 4 ms'],
      ],
    );
  });

  it('keeps a value of several lines in its row', () => {
    const table = sizeTable(kind, [aRow('one', { measured: 'failed:\n  it ended' })], new Map());
    assert.equal(committedIn(kind, table).get('one'), 'failed: it ended');
  });

  it('is read by the names of its columns, padded or not', () => {
    const document =
      '<!-- bench:size -->\n| goal | measured |  row |\n|---|---|---|\n| 1 |  5 ms | one |\n<!-- /bench:size -->';
    assert.deepEqual([...committedIn(kind, document)], [['one', '5 ms']]);
  });

  const without = {
    'there are no markers': '| row | measured |\n|---|---|\n| one | 5 |',
    'a marker is missing': '<!-- bench:size -->\n| row | measured |\n|---|---|\n| one | 5 |',
    'no column is called measured':
      '<!-- bench:size -->\n| row | goal |\n|---|---|\n| a | 5 |\n<!-- /bench:size -->',
    'nothing is between the markers': '<!-- bench:size -->\n<!-- /bench:size -->',
  };
  for (const [name, document] of Object.entries(without))
    it(`says that nothing was committed when ${name}`, () =>
      assert.equal(committedIn(kind, document).size, 0));

  for (const tool of [{ table: kind, groups }, agentBench])
    it(`in docs/bench.md has every row that ${tool.table.marker} measures, and no other`, () => {
      const document = readFileSync(join(import.meta.dirname, '../../docs/bench.md'), 'utf8');
      const measured = tool.groups.flatMap(({ rows }) => rows.map(({ row }) => row));
      assert.deepEqual([...committedIn(tool.table, document).keys()].sort(), [...measured].sort());
    });
});
