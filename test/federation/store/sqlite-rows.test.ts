import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { rowOf, rowsOf } from '../../../federation/store/sqlite-rows.ts';

describe('rows of a database', () => {
  const db = new DatabaseSync(':memory:');
  after(() => db.close());
  const all = (query: string) => db.prepare(query).all();

  it('are given with the columns that were named', () => {
    const rows = rowsOf(
      { name: 'TEXT', count: 'INTEGER', body: 'BLOB', newest: 'INTEGER?' },
      all("SELECT 'a' AS name, 1 AS count, x'07' AS body, NULL AS newest"),
    );
    assert.deepEqual(
      rows.map(({ name, count, body, newest }) => [name, count, [...body], newest]),
      [['a', 1, [7], null]],
    );
  });

  for (const [query, type] of [
    ["SELECT x'07' AS value", 'TEXT'],
    ["SELECT '1' AS value", 'INTEGER'],
    ['SELECT NULL AS value', 'INTEGER'],
    ["SELECT '1' AS value", 'INTEGER?'],
    ["SELECT 'a' AS value", 'BLOB'],
    ['SELECT 1 AS other', 'INTEGER'],
    ['SELECT 1 AS value WHERE 1 = 0', 'INTEGER'],
  ] as const)
    it(`are refused where ${query} is to give ${type}`, () =>
      assert.throws(() => rowOf({ value: type }, all(query)[0]), /column value is not/));
});
