import type { SQLOutputValue } from 'node:sqlite';

/** Types of columns, as SQLite calls them. `INTEGER?` may be null. */
interface ColumnTypes {
  readonly TEXT: string;
  readonly INTEGER: number;
  readonly 'INTEGER?': number | null;
  readonly BLOB: Uint8Array;
}

type Columns = Readonly<Record<string, keyof ColumnTypes>>;
type Row<C extends Columns> = { readonly [Name in keyof C]: ColumnTypes[C[Name]] };

const isOf: { readonly [Type in keyof ColumnTypes]: (value: unknown) => value is ColumnTypes[Type] } = {
  TEXT: (value) => typeof value === 'string',
  INTEGER: (value) => typeof value === 'number',
  'INTEGER?': (value) => value === null || typeof value === 'number',
  BLOB: (value) => value instanceof Uint8Array,
};

/** A row with these columns. Throws when it is absent, lacks one, or has one of another type. */
export function rowOf<const C extends Columns>(
  columns: C,
  row: Record<string, SQLOutputValue> | undefined,
): Row<C> {
  for (const [name, type] of Object.entries(columns))
    if (!isOf[type](row?.[name]))
      throw new Error(`the database is damaged: column ${name} is not ${type}; restore a backup`);
  return row as Row<C>;
}

/** The same for each row of a result. */
export const rowsOf = <const C extends Columns>(
  columns: C,
  rows: readonly Record<string, SQLOutputValue>[],
): readonly Row<C>[] => rows.map((row) => rowOf(columns, row));
