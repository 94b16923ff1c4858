import { X509Certificate } from 'node:crypto';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

/** Why a link call is refused; `code` names the gRPC status. */
export interface LinkRefusal {
  readonly code: 'UNAUTHENTICATED' | 'PERMISSION_DENIED';
  readonly message: string;
}

/**
 * Which cluster's agent this certificate belongs to. TLS has verified it already against the link's own CA, which
 * signs nothing else; it is verified once more here by the leaf alone, as a chain that a socket reports proves
 * nothing. A revoked or removed cluster's certificate is still valid and still refused.
 */
export function identifyAgent(
  raw: Buffer | undefined,
  ca: X509Certificate,
  snapshot: FederationSnapshot,
  now: number,
): Result<string, LinkRefusal> {
  if (!raw) return refuse('UNAUTHENTICATED', 'the link demands a client certificate: join first');
  const leaf = new X509Certificate(raw);
  if (!leaf.checkIssued(ca) || !leaf.verify(ca.publicKey))
    return refuse('UNAUTHENTICATED', 'the certificate was not issued by the CA of this link');
  if (Date.parse(leaf.validTo) < now)
    return refuse('UNAUTHENTICATED', 'the link certificate has expired: join again');
  const prefix = `URI:spiffe://link.${snapshot.settings.hubId}/cluster/`;
  const name = leaf.subjectAltName?.startsWith(prefix) ? leaf.subjectAltName.slice(prefix.length) : '';
  return admitted(name, snapshot);
}

function admitted(name: string, snapshot: FederationSnapshot): Result<string, LinkRefusal> {
  const cluster = snapshot.intent.clusters.get(name)?.value;
  if (!cluster)
    return refuse('PERMISSION_DENIED', `no cluster '${name}' is a member: it was removed; join again`);
  if (cluster.admission !== 'ADMITTED')
    return refuse('PERMISSION_DENIED', `cluster '${name}' is ${cluster.admission}: it may not use the link`);
  return ok(name);
}

const refuse = (code: LinkRefusal['code'], message: string) => err({ code, message });
