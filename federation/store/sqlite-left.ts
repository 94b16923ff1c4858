import type { DatabaseSync } from 'node:sqlite';
import type { Attempt } from './audit.ts';
import { rowsOf } from './sqlite-rows.ts';

/** An attempt that a hub left for the one that replaced it. */
export interface LeftAttempt {
  readonly id: number;
  readonly attempt: Attempt;
}

/** Most attempts that are left at a time: those that reach a hub in its last second. The oldest go. */
const maxLeft = 100;

export const leftTable =
  'CREATE TABLE IF NOT EXISTS left_attempts (id INTEGER PRIMARY KEY AUTOINCREMENT, attempt TEXT NOT NULL) STRICT;';

/**
 * What a hub refuses after another has replaced it. It may not write the log, whose numbers are given by the other one,
 * which takes it from here. A database that refuses this loses entries of the log, and nothing else.
 */
export class LeftAttempts {
  readonly #db: DatabaseSync;
  #seen = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  leave(attempts: readonly Attempt[]): void {
    if (attempts.length === 0) return;
    try {
      const put = this.#db.prepare('INSERT INTO left_attempts (attempt) VALUES (?)');
      for (const attempt of attempts) put.run(JSON.stringify(attempt));
      const trim = 'DELETE FROM left_attempts WHERE id <= (SELECT max(id) FROM left_attempts) - ?';
      this.#db.prepare(trim).run(maxLeft);
    } catch {
      // A full disk: the caller got its refusal all the same.
    }
  }

  /** Those that were not found before, oldest first. */
  found(): readonly LeftAttempt[] {
    const left = this.#db.prepare('SELECT id, attempt FROM left_attempts WHERE id > ? ORDER BY id');
    const rows = rowsOf({ id: 'INTEGER', attempt: 'TEXT' }, left.all(this.#seen));
    this.#seen = rows.at(-1)?.id ?? this.#seen;
    return rows.map(({ id, attempt }) => ({ id, attempt: JSON.parse(attempt) as Attempt }));
  }
}

/** Forgets one that is in the log now; to be called within the transaction that adds it. */
export function dropLeft(db: DatabaseSync): (id: number) => void {
  const drop = db.prepare('DELETE FROM left_attempts WHERE id = ?');
  return (id) => void drop.run(id);
}
