import type { Metadata } from '@grpc/grpc-js';
import { isDnsName, isToken } from '@isthmus/api/domain/names.ts';
import { mainReplica, type ReplicaClaim } from '@isthmus/api/domain/replica.ts';
import { agentVersionHeader, replicaHeader, roleHeader } from '@isthmus/api/grpc/services.ts';
import { HubError } from '../hub-error.ts';

/**
 * What the headers of a call say of the replica that calls. An agent that says nothing is the only one of its cluster,
 * and leads. Throws BAD_REPLICA.
 */
export function replicaClaim(headers: Pick<Metadata, 'get'>): ReplicaClaim {
  const id = textOf(headers, replicaHeader) ?? mainReplica;
  if (!isDnsName(id))
    throw new HubError(
      'BAD_REPLICA',
      `the header ${replicaHeader} is no name of a pod: it is an RFC 1123 name`,
    );
  const role = textOf(headers, roleHeader) ?? 'leader';
  if (role !== 'leader' && role !== 'follower')
    throw new HubError(
      'BAD_REPLICA',
      `the header ${roleHeader} of replica ${id} is neither leader nor follower`,
    );
  const agentVersion = textOf(headers, agentVersionHeader) ?? '';
  return { id, role, agentVersion: isToken(agentVersion) ? agentVersion : '' };
}

function textOf(headers: Pick<Metadata, 'get'>, name: string): string | undefined {
  const [value] = headers.get(name);
  return typeof value === 'string' ? value : undefined;
}
