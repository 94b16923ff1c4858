import type { DatabaseSync } from 'node:sqlite';
import type { AuditHead } from './audit.ts';
import type { KeptHead } from './audit-log.ts';
import { dropLeft } from './sqlite-left.ts';
import { rowOf, rowsOf } from './sqlite-rows.ts';

/** What is done to the log within one transaction: an entry is added or counted again, and old ones go. */
export interface AuditWrite {
  readonly head: AuditHead;
  /** Absent: only the head of an entry that is there changes. */
  readonly added?: { readonly bytes: number; readonly body: string };
  readonly drop: readonly number[];
  /** It was left by a hub that was replaced, under this id: it is there no longer. */
  readonly left?: number;
}

/** The body stands last, so that heads are read without it. */
export const auditTable =
  'CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, head TEXT NOT NULL, body TEXT NOT NULL) STRICT;';

/** Heads after a number, oldest first. */
export function loadAudit(db: DatabaseSync, after: number): readonly KeptHead[] {
  const rows = db.prepare('SELECT bytes, head FROM audit WHERE number > ? ORDER BY number').all(after);
  return rowsOf({ bytes: 'INTEGER', head: 'TEXT' }, rows).map(({ bytes, head }) => ({
    bytes,
    head: JSON.parse(head) as AuditHead,
  }));
}

/** Bodies by number; those that are gone are left out. */
export function readAudit(db: DatabaseSync, numbers: readonly number[]): ReadonlyMap<number, string> {
  const get = db.prepare('SELECT body FROM audit WHERE number = ?');
  return new Map(
    numbers.flatMap((number) => {
      const row = get.get(number);
      return row ? [[number, rowOf({ body: 'TEXT' }, row).body] as const] : [];
    }),
  );
}

/** To be called within a transaction. */
export function auditWriter(db: DatabaseSync): (write: AuditWrite) => void {
  const put = db.prepare('INSERT INTO audit VALUES (?, ?, ?, ?)');
  const update = db.prepare('UPDATE audit SET head = ? WHERE number = ?');
  const remove = db.prepare('DELETE FROM audit WHERE number = ?');
  const taken = dropLeft(db);
  return ({ head, added, drop, left }) => {
    if (left !== undefined) taken(left);
    if (added) put.run(head.number, added.bytes, JSON.stringify(head), added.body);
    else update.run(JSON.stringify(head), head.number);
    for (const number of drop) remove.run(number);
  };
}
