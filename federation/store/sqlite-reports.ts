import type { DatabaseSync } from 'node:sqlite';
import { rowsOf } from './sqlite-rows.ts';
import type { ReportRow, StoredReport } from './store.ts';

/** `observed` is what schema 1 had: all reports of a cluster as one value. */
export const reportsTable = `
  CREATE TABLE IF NOT EXISTS observed (cluster TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS reports (cluster TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    body BLOB NOT NULL, as_of INTEGER NOT NULL, PRIMARY KEY (cluster, type, name)) STRICT, WITHOUT ROWID;`;

/** Rows of a cluster that are written; undefined: everything of it goes. `asOf`: epoch milliseconds. */
export interface ReportsWrite {
  readonly cluster: string;
  readonly rows: readonly ReportRow[] | undefined;
  readonly asOf: number;
}

/** Writes rows, within a transaction. */
export function reportsWriter(db: DatabaseSync): (write: ReportsWrite) => void {
  const put = db.prepare(
    'INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (cluster, type, name) DO UPDATE SET version = excluded.version, body = excluded.body, as_of = excluded.as_of',
  );
  const drop = db.prepare('DELETE FROM reports WHERE cluster = ? AND type = ? AND name = ?');
  const forget = db.prepare('DELETE FROM reports WHERE cluster = ?');
  return ({ cluster, rows, asOf }) => {
    if (!rows) forget.run(cluster);
    for (const { type, name, resource } of rows ?? [])
      if (resource) put.run(cluster, type, name, resource.version, resource.body, Math.trunc(asOf));
      else drop.run(cluster, type, name);
  };
}

/** From one cluster to the next by the primary key: SQLite would read every row for DISTINCT. */
const eachCluster = `
  WITH RECURSIVE each (cluster) AS (
    SELECT min(cluster) FROM reports
    UNION ALL
    SELECT (SELECT min(cluster) FROM reports WHERE cluster > each.cluster) FROM each WHERE each.cluster IS NOT NULL
  )
  SELECT cluster FROM each WHERE cluster IS NOT NULL`;

export const reportedClusters = (db: DatabaseSync): readonly string[] =>
  rowsOf({ cluster: 'TEXT' }, db.prepare(eachCluster).all()).map(({ cluster }) => cluster);

export const readReports = (db: DatabaseSync, cluster: string): readonly StoredReport[] =>
  rowsOf(
    { cluster: 'TEXT', type: 'TEXT', name: 'TEXT', version: 'TEXT', body: 'BLOB', asOf: 'INTEGER' },
    db
      .prepare('SELECT cluster, type, name, version, body, as_of AS asOf FROM reports WHERE cluster = ?')
      .all(cluster),
  );

/** Takes over what schema 1 had. What cannot be read is left out: agents send it again. */
export function fillReports(db: DatabaseSync): void {
  const write = reportsWriter(db);
  const observed = db.prepare('SELECT cluster, bytes FROM observed').all();
  const all = rowsOf({ cluster: 'TEXT', bytes: 'BLOB' }, observed);
  db.exec('BEGIN IMMEDIATE');
  for (const { cluster, bytes } of all) {
    const saved = parsed(bytes);
    if (saved) write({ cluster, ...saved });
  }
  db.exec('DELETE FROM observed; COMMIT');
}

interface Saved {
  readonly asOf: number;
  readonly types: readonly (readonly [
    type: string,
    held: readonly (readonly [name: string, version: string, body: string])[],
  ])[];
}

function parsed(bytes: Uint8Array): Pick<ReportsWrite, 'rows' | 'asOf'> | undefined {
  try {
    const { asOf, types } = JSON.parse(Buffer.from(bytes).toString()) as Saved;
    const rows = types.flatMap(([type, held]) =>
      held.map(([name, version, body]) => ({
        type,
        name,
        resource: { version, body: Buffer.from(body, 'base64') },
      })),
    );
    return { rows, asOf };
  } catch {
    return undefined;
  }
}
