/** One agent's open streams; ending it ends them all. */
export interface AgentSession {
  readonly cluster: string;
  readonly id: string;
  end(reason: string): void;
  /** Something that this cluster must know may have changed. */
  wake(): void;
}

/**
 * The agents that are connected: one per cluster. The newest authenticated wins, as an agent that came back may
 * find its own dead connection still here; the older one is ended and `onDuplicate` is called.
 */
export class AgentSessions {
  readonly #byCluster = new Map<string, AgentSession>();
  readonly #onDuplicate: (cluster: string) => void;

  constructor(onDuplicate: (cluster: string) => void) {
    this.#onDuplicate = onDuplicate;
  }

  add(session: AgentSession): void {
    const older = this.#byCluster.get(session.cluster);
    this.#byCluster.set(session.cluster, session);
    if (older) {
      this.#onDuplicate(session.cluster);
      older.end('a newer connection of this cluster has taken over');
    }
  }

  /** True when the session was the current one of its cluster. */
  remove(session: AgentSession): boolean {
    if (this.#byCluster.get(session.cluster) !== session) return false;
    return this.#byCluster.delete(session.cluster);
  }

  get(cluster: string): AgentSession | undefined {
    return this.#byCluster.get(cluster);
  }

  all(): readonly AgentSession[] {
    return [...this.#byCluster.values()];
  }
}
