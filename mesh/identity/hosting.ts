import type { Intermediate } from './issuers.ts';
import type { IssuerTable } from './issuer-table.ts';
import type { Peer, Refusal } from './judge.ts';

/**
 * Whether an issuer may vouch for identities of a namespace. The list is an operator's, and comes with the
 * intermediate: what a cluster reports about itself is not evidence.
 */
export const mayHost = ({ namespaces }: Pick<Intermediate, 'namespaces'>, namespace: string): boolean =>
  namespaces?.includes(namespace) ?? true;

/**
 * Why a peer may be here no longer, or never might: its issuer was revoked or is unknown, is another cluster's than the
 * one that the peer was known by, or may not vouch for its namespace. Asked at the handshake, and again of live
 * connections when their issuer is touched. An east-west gateway that was dialled is known by its cluster and its
 * identity, and has its own namespace wherever it runs.
 */
export function issuerRefusal(
  table: IssuerTable,
  peer: Pick<Peer, 'issuerKeyId' | 'spiffeId' | 'identity' | 'gateway' | 'cluster' | 'trustDomain'>,
): Refusal | undefined {
  const { issuerKeyId, spiffeId, identity, gateway } = peer;
  const issuer = table.get(issuerKeyId);
  if (!issuer)
    return { reason: 'UNKNOWN_ISSUER', message: `the issuer of ${spiffeId} is not known any more` };
  const { cluster, trustDomain, revoked } = issuer;
  if (revoked)
    return {
      reason: 'REVOKED_ISSUER',
      message: `${spiffeId} was issued by cluster ${cluster}, which is revoked`,
    };
  if (peer.cluster !== cluster || peer.trustDomain !== trustDomain)
    return {
      reason: 'UNKNOWN_ISSUER',
      message: `${spiffeId} was issued by cluster ${peer.cluster}, and its issuer is of cluster ${cluster} now`,
    };
  if (gateway || mayHost(issuer, identity?.namespace ?? '')) return undefined;
  return {
    reason: 'NAMESPACE_NOT_ALLOWED',
    message: `${spiffeId} was issued by cluster ${cluster}, which may host ${(issuer.namespaces ?? []).slice(0, 3).join(', ')} only`,
  };
}
