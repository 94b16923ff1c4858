import { grantRefusal } from '@isthmus/mesh/decide/granted.ts';
import { plaintextRefusal } from '@isthmus/mesh/decide/plaintext.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import { issuerRefusal } from '@isthmus/mesh/identity/hosting.ts';
import type { Peer, Refusal } from '@isthmus/mesh/identity/judge.ts';
import type { Connection } from '@isthmus/mesh/rbac/connection.ts';
import { verdictFor } from '@isthmus/mesh/rbac/policies-for.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/state/service.ts';
import type { Ending, LiveConnection } from './connections.ts';

/** A connection at its destination: what policies judge, and what else a workload demands of its callers. */
export interface Arrived {
  readonly connection: Connection;
  readonly peer: Peer | undefined;
  /** The service that the CONNECT named, if it named one. */
  readonly service: Service | undefined;
}

export type Judgement =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly message: string }
  /** A policy that is named has not come: a new connection waits for it and is refused without, a live one stays. */
  | { readonly kind: 'unknown'; readonly message: string };

/** What holds for a connection by all that is known now. */
export function judgeArrival(state: MeshState, { connection, peer, service }: Arrived): Judgement {
  const { workload, port } = connection.destination;
  // The control plane sends a policy that says the same; what it says of the workload itself needs no policy.
  if (workload.strict && !peer) return { kind: 'refused', message: 'STRICT: plaintext is not taken' };
  const astray = peer ? undefined : plaintextRefusal(state, workload.network, connection.source.address);
  if (astray !== undefined) return { kind: 'refused', message: astray };
  const ungranted = grantRefusal(state, { workload, port, service, peer });
  if (ungranted !== undefined) return { kind: 'refused', message: ungranted };
  const { allowed, reason, message } = verdictFor(state, connection);
  if (allowed) return { kind: 'allowed' };
  return { kind: reason === 'POLICY_UNKNOWN' ? 'unknown' : 'refused', message };
}

/** An issuer that is unknown now was revoked and has been forgotten, or its root has. */
const endingOf = ({ reason, message }: Refusal): Ending =>
  reason === 'NAMESPACE_NOT_ALLOWED'
    ? { message: `late denial: ${reason}: ${message}`, flags: 'DENY' }
    : { message: `CERT_REVOKED: ${message}`, flags: 'CERT_REVOKED' };

/** Why a connection that was let in may live no longer. Those of a workload that is gone end with it, by themselves. */
export function mayNotLive(
  state: MeshState,
  table: IssuerTable,
  { peer, inbound, outbound }: LiveConnection,
): Ending | undefined {
  const refusal = peer && issuerRefusal(table, peer);
  if (refusal) return endingOf(refusal);
  if (outbound && state.services.get(outbound.service)?.leftClusters.includes(outbound.cluster))
    return { message: `cluster ${outbound.cluster} was drained, and its deadline is over`, flags: '-' };
  const workload = inbound && state.workloads.get(inbound.connection.destination.workload.uid);
  if (!workload) return undefined;
  const { source, destination } = inbound.connection;
  const connection = { source, destination: { ...destination, workload } };
  const judgement = judgeArrival(state, { connection, peer, service: inbound.service });
  return judgement.kind === 'refused'
    ? { message: `late denial: ${judgement.message}`, flags: 'DENY' }
    : undefined;
}
