import { status } from '@grpc/grpc-js';
import type { ReplicaClaim } from '@isthmus/api/domain/replica.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { HubError } from '../hub-error.ts';
import { AgentLink } from './agent-link.ts';
import type { Agent } from '../registry/agent.ts';
import type { AgentCertificate } from './identify.ts';

/** Links of one cluster that stand beside each other. Two replicas are usual; while they are replaced there are four. */
export const maxReplicas = 8;

/** Who hears of links that change. */
export interface LinkEvents {
  /** The link of a replica has ended, and there is no newer one. */
  onGone(link: AgentLink): void;
  /** A second connection of a replica replaces its link, which still stood. */
  onDuplicate(link: AgentLink): void;
}

/**
 * The links that agents have: one per cluster and replica. Of one replica the newest authenticated connection wins as a
 * whole, as an agent that came back may find its own dead connection still here. Of one cluster the link that claimed last
 * to lead leads: leaders exclude each other by a Lease, so an earlier one has lost it.
 */
export class AgentLinks {
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  /** By cluster and replica. */
  readonly #byCluster = new Map<string, Map<string, AgentLink>>();
  /** The same links. */
  readonly #byConnection = new Map<string, AgentLink>();

  constructor(clock: Clock, events: LinkEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  get size(): number {
    return this.#byConnection.size;
  }

  /** All links of a cluster. */
  of(cluster: string): readonly AgentLink[] {
    return [...(this.#byCluster.get(cluster)?.values() ?? [])];
  }

  /** The link from which reports, health and answers of a cluster are taken. */
  leader(cluster: string): AgentLink | undefined {
    return this.of(cluster).find(({ leads }) => leads);
  }

  /** `connection`: address and port of the peer. */
  ofConnection(connection: string): AgentLink | undefined {
    return this.#byConnection.get(connection);
  }

  all(): readonly AgentLink[] {
    return [...this.#byConnection.values()];
  }

  /**
   * The link of a connection: the one that its earlier calls are on, or a new one, which counts once it is added. Throws
   * TOO_MANY for one that would be a ninth replica.
   */
  at(agent: Agent, connection: string, certificate: AgentCertificate, claim: ReplicaClaim): AgentLink {
    const known = this.#byConnection.get(connection);
    if (isOf(known, agent) && known.claim.id === claim.id) return known;
    const ofCluster = this.#byCluster.get(agent.cluster);
    if (ofCluster && ofCluster.size >= maxReplicas && !ofCluster.has(claim.id)) throw tooMany(agent);
    const onOver = (link: AgentLink) => this.#remove(link);
    return new AgentLink({ agent, connection, certificate, claim, clock: this.#clock, onOver });
  }

  /** From now on it is the link of its replica, in the role that it claims; an older one of that replica ends. */
  add(link: AgentLink, claim = link.claim): void {
    const { cluster } = link.agent;
    const ofCluster = this.#byCluster.get(cluster) ?? new Map<string, AgentLink>();
    this.#byCluster.set(cluster, ofCluster);
    const older = ofCluster.get(claim.id);
    ofCluster.set(claim.id, link);
    this.#byConnection.set(link.connection, link);
    const led = older === link && link.leads;
    link.claim = claim;
    if (claim.role === 'leader') for (const other of ofCluster.values()) other.leads = false;
    link.leads = claim.role === 'leader';
    if (led && !link.leads) this.#succeed(ofCluster.values());
    if (!older || older === link) return;
    this.#events.onDuplicate(link);
    older.end('a newer connection of this replica has taken over');
  }

  /** Ends those for which `why` has a reason. */
  endWhere(why: (agent: Agent) => string | undefined, code = status.PERMISSION_DENIED): void {
    this.#end(this.all(), why, code);
  }

  /** The same for those of one cluster. */
  endOf(cluster: string, why: (agent: Agent) => string | undefined): void {
    this.#end(this.of(cluster), why, status.PERMISSION_DENIED);
  }

  #end(links: readonly AgentLink[], why: (agent: Agent) => string | undefined, code: status): void {
    for (const link of links) {
      const reason = why(link.agent);
      if (reason !== undefined) link.end(reason, code);
    }
  }

  #remove(link: AgentLink): void {
    const { cluster } = link.agent;
    if (this.#byConnection.get(link.connection) === link) this.#byConnection.delete(link.connection);
    const ofCluster = this.#byCluster.get(cluster);
    if (ofCluster?.get(link.claim.id) !== link) return;
    ofCluster.delete(link.claim.id);
    if (ofCluster.size === 0) this.#byCluster.delete(cluster);
    this.#events.onGone(link);
    if (link.leads) this.#succeed(ofCluster.values());
  }

  /** One that claims to lead, and did not as a later one did, comes back as the leader. */
  #succeed(left: Iterable<AgentLink>): void {
    for (const other of [...left])
      if (other.claim.role === 'leader') return other.end('the replica that led is gone: connect again');
  }
}

const isOf = (link: AgentLink | undefined, { cluster, membership }: Agent): link is AgentLink =>
  link?.agent.cluster === cluster && link.agent.membership === membership;

const tooMany = ({ cluster }: Agent): HubError =>
  new HubError(
    'TOO_MANY',
    `${maxReplicas} replicas of the agent of ${cluster} are connected, and no more are taken: stop some, or wait 20 s if their pods are gone`,
  );
