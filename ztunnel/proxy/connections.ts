import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import type { Connection } from '@isthmus/mesh/rbac/evaluate.ts';

/** A live connection, as far as it may have to be ended for a reason that came later. */
export interface LiveConnection {
  readonly peer: Peer | undefined;
  /** For people: from where to where. */
  readonly about: string;
  /** Set where this proxy is the destination: the workload it is for, and what policies judge. */
  readonly inbound?: { readonly uid: string; readonly connection: Connection };
  readonly close: (reason: string) => void;
  /** Takes nothing new and ends when what it carries has ended; absent where that is its nature. */
  readonly drain?: () => void;
}

/** Connections that live now. */
export class Connections {
  readonly #live = new Set<LiveConnection>();
  #whenIdle: (() => void)[] = [];

  add(connection: LiveConnection): () => void {
    this.#live.add(connection);
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

  /** Ends those for which `reason` gives one. */
  closeWhere(reason: (connection: LiveConnection) => string | undefined): number {
    let closed = 0;
    for (const connection of [...this.#live]) {
      const why = reason(connection);
      if (why === undefined) continue;
      closed++;
      connection.close(why);
    }
    return closed;
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
