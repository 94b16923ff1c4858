import type { X509Certificate } from 'node:crypto';
import { spiffeIdOf } from '@isthmus/mesh/identity/judge.ts';
import { parseLinkAgent } from '@isthmus/mesh/identity/spiffe-id.ts';
import { certificateOf } from '@isthmus/mesh/pki/certificate.ts';
import { leafFault } from '@isthmus/mesh/pki/fit.ts';

/**
 * Why a certificate is not that of another replica of this agent: it has to name the same hub, cluster and membership as
 * this agent's own. That the CA of the link has issued it is verified before. `shown`: DER.
 */
export function peerFault(own: X509Certificate, shown: Buffer | undefined): string | undefined {
  const leaf = shown && certificateOf(shown);
  if (!leaf)
    return 'the peer shows no certificate that can be read: replicas of an agent show that of their link';
  const fault = leafFault(leaf);
  if (fault !== undefined) return `the certificate of the peer ${fault}`;
  const [one, other] = [membershipOf(own), membershipOf(leaf)];
  if (one === undefined || other === undefined) return 'the certificate of the peer is not that of an agent';
  return one === other
    ? undefined
    : 'the certificate of the peer is of another cluster, or of another membership of this one';
}

function membershipOf(leaf: X509Certificate): string | undefined {
  const id = spiffeIdOf(leaf);
  const named = id.ok ? parseLinkAgent(id.value) : undefined;
  if (!named?.ok) return undefined;
  // A certificate with an empty subject has none at all here, whatever the types say.
  const subject = (leaf.subject as string | undefined) ?? '';
  return JSON.stringify([named.value.hubId, named.value.cluster, subject]);
}
