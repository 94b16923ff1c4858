import type { HeldByReplica, Replica } from '../observation/replica.ts';
import type { AgentLink } from './agent-link.ts';

/** The session of a link that has been opened. */
interface ReplicaSession {
  readonly hasBeenWhole: boolean;
  readonly down: HeldByReplica;
}

/** What is observed of the replica that a link is of. `session`: the one that its Sync stream has now. */
export const replicaOf = (
  { claim, leads, since }: AgentLink,
  session: () => ReplicaSession | undefined,
): Replica => ({
  id: claim.id,
  agentVersion: claim.agentVersion,
  leads,
  since,
  isWhole: session()?.hasBeenWhole ?? false,
  held: {
    holds: (type, name, version) => session()?.down.holds(type, name, version) ?? false,
    outstanding: (type) => session()?.down.outstanding(type),
  },
});
