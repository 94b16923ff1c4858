import { X509Certificate } from 'node:crypto';
import { spiffeIdOf } from '@isthmus/mesh/identity/judge.ts';
import { parseLinkAgent } from '@isthmus/mesh/identity/spiffe-id.ts';
import { leafFault } from '@isthmus/mesh/pki/fit.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { Now } from '../state/now.ts';
import type { Agent, Membership } from '../registry/agent.ts';

/** Why a link call is refused; `code` names the gRPC status. */
export interface LinkRefusal {
  readonly code: 'UNAUTHENTICATED' | 'PERMISSION_DENIED';
  readonly message: string;
}

/**
 * Which cluster's agent this certificate belongs to. TLS has verified it already against the link's own CA, which
 * signs nothing else; it is verified once more here by the leaf alone, as a chain that a socket reports proves
 * nothing. A revoked or removed cluster's certificate is still valid and still refused, also after the cluster has
 * joined again: it names an earlier membership.
 */
export function identifyAgent(
  raw: Buffer | undefined,
  ca: X509Certificate,
  snapshot: Now,
  now: number,
): Result<Agent, LinkRefusal> {
  if (!raw) return refuse('UNAUTHENTICATED', 'the link demands a client certificate: join first');
  const leaf = new X509Certificate(raw);
  if (!leaf.checkIssued(ca) || !leaf.verify(ca.publicKey))
    return refuse('UNAUTHENTICATED', 'the certificate was not issued by the CA of this link');
  if (Date.parse(leaf.validTo) < now)
    return refuse('UNAUTHENTICATED', 'the link certificate has expired: join again');
  const fault = leafFault(leaf);
  if (fault !== undefined) return refuse('UNAUTHENTICATED', `the certificate ${fault}`);
  const id = spiffeIdOf(leaf);
  const named = id.ok ? parseLinkAgent(id.value) : err('');
  if (!named.ok || named.value.hubId !== snapshot.settings.hubId)
    return refuse(
      'UNAUTHENTICATED',
      'the certificate names no agent of this hub in its one URI name: join again',
    );
  // A certificate with an empty subject has none at all here, whatever the types say.
  const subject = (leaf.subject as string | undefined) ?? '';
  const membership = /^CN=(.+)$/m.exec(subject)?.[1] ?? '';
  const agent = agentOf({ cluster: named.value.cluster, membership }, snapshot);
  return agent.ok ? agent : refuse('PERMISSION_DENIED', agent.error);
}

/** Why an agent may not use the link; undefined when it may. */
export function whyNot(membership: Membership, snapshot: Now): string | undefined {
  const agent = agentOf(membership, snapshot);
  return agent.ok ? undefined : agent.error;
}

function agentOf({ cluster, membership }: Membership, { intent }: Now): Result<Agent, string> {
  const member = intent.clusters.get(cluster)?.value;
  if (!member) return err(`no cluster '${cluster}' is a member: it was removed; join again`);
  if (member.admission !== 'ADMITTED')
    return err(`cluster '${cluster}' is ${member.admission}: it may not use the link`);
  if (member.membership !== membership)
    return err(
      `this certificate is of an earlier membership of '${cluster}': it may not use the link; join again`,
    );
  return ok({ cluster, membership, trustDomain: member.trustDomain });
}

const refuse = (code: LinkRefusal['code'], message: string) => err({ code, message });
