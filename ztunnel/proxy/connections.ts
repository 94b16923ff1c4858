import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import type { Connection } from '@isthmus/mesh/rbac/connection.ts';

/** A live connection, as far as it may have to be ended for a reason that came later. */
export interface LiveConnection {
  readonly peer: Peer | undefined;
  /** Set where this proxy is the destination: the workload it is for, and what policies judge. */
  readonly inbound?: { readonly uid: string; readonly connection: Connection };
  close(reason: string): void;
}

/** Connections that live now. */
export class Connections {
  readonly #live = new Set<LiveConnection>();

  add(connection: LiveConnection): () => void {
    this.#live.add(connection);
    return () => this.#live.delete(connection);
  }

  get size(): number {
    return this.#live.size;
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
}
