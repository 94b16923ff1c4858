import type { X509Certificate } from 'node:crypto';
import { spiffeIdOf } from '@isthmus/mesh/identity/judge.ts';
import { parseLinkAgent } from '@isthmus/mesh/identity/spiffe-id.ts';
import { certificateOf } from '@isthmus/mesh/pki/certificate.ts';
import { leafFault } from '@isthmus/mesh/pki/fit.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { Now } from '../state/now.ts';
import type { Agent, Membership } from '../registry/agent.ts';

/** Why a link call is refused; `code` names the gRPC status. */
export interface LinkRefusal {
  readonly code: 'UNAUTHENTICATED' | 'PERMISSION_DENIED';
  readonly message: string;
}

/** What the certificate of an agent says of it: a function of its bytes and the CA of the link. */
export interface AgentCertificate extends Membership {
  /** DER. */
  readonly raw: Buffer;
  readonly hubId: string;
  /** Epoch milliseconds. */
  readonly notAfter: number;
}

/**
 * Reads the certificate that a call's connection shows. TLS has verified it already against the link's own CA, which
 * signs nothing else; it is verified once more here by the leaf alone, as a chain that a socket reports proves nothing.
 * `known`: what was read on the same connection before. A connection shows one certificate as long as it lasts, so it
 * holds again where the bytes are the same.
 */
export function readAgentCertificate(
  raw: Buffer | undefined,
  ca: X509Certificate,
  known?: AgentCertificate,
): Result<AgentCertificate, LinkRefusal> {
  if (!raw) return refuse('UNAUTHENTICATED', 'the link demands a client certificate: join first');
  if (known?.raw.equals(raw)) return ok(known);
  const leaf = certificateOf(raw);
  if (!leaf) return refuse('UNAUTHENTICATED', 'the certificate cannot be read');
  if (!leaf.checkIssued(ca) || !leaf.verify(ca.publicKey))
    return refuse('UNAUTHENTICATED', 'the certificate was not issued by the CA of this link');
  const fault = leafFault(leaf);
  if (fault !== undefined) return refuse('UNAUTHENTICATED', `the certificate ${fault}`);
  const id = spiffeIdOf(leaf);
  const named = id.ok ? parseLinkAgent(id.value) : err('');
  if (!named.ok) return namesNobody;
  // A certificate with an empty subject has none at all here, whatever the types say.
  const subject = (leaf.subject as string | undefined) ?? '';
  const membership = /^CN=(.+)$/m.exec(subject)?.[1] ?? '';
  const { hubId, cluster } = named.value;
  return ok({ raw, hubId, cluster, membership, notAfter: Date.parse(leaf.validTo) });
}

/**
 * Whose agent it is now. A revoked or removed cluster's certificate is still valid and still refused, also after the
 * cluster has joined again: it names an earlier membership.
 */
export function identifyAgent(
  certificate: AgentCertificate,
  snapshot: Now,
  now: number,
): Result<Agent, LinkRefusal> {
  if (certificate.notAfter < now)
    return refuse('UNAUTHENTICATED', 'the link certificate has expired: join again');
  if (certificate.hubId !== snapshot.settings.hubId) return namesNobody;
  const agent = agentOf(certificate, snapshot);
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

const namesNobody = refuse(
  'UNAUTHENTICATED',
  'the certificate names no agent of this hub in its one URI name: join again',
);
