/** One agent of a cluster that has several says who it is and what it does. */
export interface ReplicaClaim {
  /** The pod's name; `main` in files mode. */
  readonly id: string;
  /** The leader reports, and writes to the cluster's API. */
  readonly role: AgentRole;
  /** '': it does not say. */
  readonly agentVersion: string;
}

export type AgentRole = 'leader' | 'follower';

/** The replica id of an agent that is the only one of its cluster. */
export const mainReplica = 'main';
