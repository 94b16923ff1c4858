import type { Live } from '@isthmus/mesh/decide/live.ts';
import type { Ending } from './ending.ts';

/** A live connection, as far as it may have to be ended for a reason that came later. */
export interface LiveConnection extends Live {
  /** For people: from where to where. */
  readonly about: string;
  readonly close: (ending: Ending) => void;
  /** Takes nothing new and ends when what it carries has ended; absent where that is its nature. */
  readonly drain?: () => void;
}

/** Why a connection may live no longer; undefined while it may. */
export type Judge = (connection: LiveConnection) => Ending | undefined;

/** Connections that live now. */
export class Connections {
  readonly #judge: Judge;
  readonly #live = new Set<LiveConnection>();
  #whenIdle: (() => void)[] = [];

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /**
   * Judged as it comes in: it was let in by what was known before its far side was dialled, and what came since has
   * passed it by.
   */
  add(connection: LiveConnection): () => void {
    this.#live.add(connection);
    const why = this.#judge(connection);
    if (why !== undefined) connection.close(why);
    return () => {
      this.#live.delete(connection);
      if (this.#live.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    };
  }

  get size(): number {
    return this.#live.size;
  }

  all(): readonly LiveConnection[] {
    return [...this.#live];
  }

  /** Ends those that may live no longer by what is known now. */
  judgeAgain(): void {
    for (const connection of [...this.#live]) {
      const why = this.#judge(connection);
      if (why !== undefined) connection.close(why);
    }
  }

  closeAll(message: string): void {
    for (const connection of [...this.#live]) connection.close({ message, flags: '-' });
  }

  /** Resolves when the last one has ended. */
  drain(): Promise<void> {
    for (const { drain } of [...this.#live]) drain?.();
    return new Promise((resolve) => {
      if (this.#live.size === 0) resolve();
      else this.#whenIdle.push(resolve);
    });
  }
}
