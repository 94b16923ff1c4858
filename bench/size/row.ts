import type { Sizes } from './sizes.ts';
import type { Stage } from './stage.ts';

/** What a row says whatever its value is. */
export interface Heading {
  /** What `--only` names it by. */
  readonly row: string;
  readonly measure: string;
  /** What istiod takes, where that is known. */
  readonly istiod?: string;
  readonly goal: string;
}

/** A row that is measured in a world of kind `W`. Resolves with the cell. */
export interface Row<W> extends Heading {
  run(world: W, signal: AbortSignal): Promise<string>;
}

/** Rows that share a world: its processes are started once, and the rows measured one after another. */
export interface Group {
  readonly rows: readonly Heading[];
  /** Starts the world; gives what measures each row in it. */
  open(stage: Stage, sizes: Sizes, signal: AbortSignal): Promise<Measures>;
}

export type Measures = (row: string, signal: AbortSignal) => Promise<string>;

export const group = <W>(
  open: (stage: Stage, sizes: Sizes, signal: AbortSignal) => Promise<W>,
  rows: readonly Row<W>[],
): Group => ({
  rows,
  async open(stage, sizes, signal) {
    const world = await open(stage, sizes, signal);
    return (name, over) => {
      const row = rows.find((one) => one.row === name);
      return row ? row.run(world, over) : Promise.reject(new Error(`there is no row ${name}`));
    };
  },
});
