import { status } from '@grpc/grpc-js';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { AgentLink } from './agent-link.ts';
import type { Agent } from '../registry/agent.ts';
import type { AgentCertificate } from './identify.ts';

/** Who hears of links that change. */
export interface LinkEvents {
  /** The link of a cluster has ended, and there is no newer one. */
  onGone(cluster: string): void;
  /** A second connection of a cluster replaces its link, which still stood. */
  onDuplicate(cluster: string): void;
}

/**
 * The links that agents have: one per cluster. The newest authenticated connection wins as a whole, as an agent that came
 * back may find its own dead connection still here.
 */
export class AgentLinks {
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #byCluster = new Map<string, AgentLink>();
  /** The same links. */
  readonly #byConnection = new Map<string, AgentLink>();

  constructor(clock: Clock, events: LinkEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  get size(): number {
    return this.#byCluster.size;
  }

  of(cluster: string): AgentLink | undefined {
    return this.#byCluster.get(cluster);
  }

  /** `connection`: address and port of the peer. */
  ofConnection(connection: string): AgentLink | undefined {
    return this.#byConnection.get(connection);
  }

  all(): readonly AgentLink[] {
    return [...this.#byCluster.values()];
  }

  /** The link of a connection: the one that its earlier calls are on, or a new one, which counts once it is added. */
  at(agent: Agent, connection: string, certificate: AgentCertificate): AgentLink {
    const known = this.#byCluster.get(agent.cluster);
    if (known?.connection === connection && known.agent.membership === agent.membership) return known;
    const onOver = (link: AgentLink) => this.#remove(link);
    return new AgentLink({ agent, connection, certificate, clock: this.#clock, onOver });
  }

  /** From now on it is the link of its cluster; an older one ends. */
  add(link: AgentLink): void {
    const { cluster } = link.agent;
    const older = this.#byCluster.get(cluster);
    if (older === link) return;
    this.#byCluster.set(cluster, link);
    this.#byConnection.set(link.connection, link);
    if (!older) return;
    this.#events.onDuplicate(cluster);
    older.end('a newer connection of this cluster has taken over');
  }

  /** Ends those for which `why` has a reason. */
  endWhere(why: (agent: Agent) => string | undefined, code = status.PERMISSION_DENIED): void {
    for (const link of this.all()) {
      const reason = why(link.agent);
      if (reason !== undefined) link.end(reason, code);
    }
  }

  #remove(link: AgentLink): void {
    const { cluster } = link.agent;
    if (this.#byConnection.get(link.connection) === link) this.#byConnection.delete(link.connection);
    if (this.#byCluster.get(cluster) !== link) return;
    this.#byCluster.delete(cluster);
    this.#events.onGone(cluster);
  }
}
