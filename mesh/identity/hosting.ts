import type { Intermediate } from './issuers.ts';
import type { IssuerTable } from './issuer-table.ts';
import type { Peer, Refusal } from './judge.ts';

/**
 * Whether an issuer may vouch for identities of a namespace. The list is an operator's, and comes with the
 * intermediate: what a cluster reports about itself is no evidence.
 */
export const mayHost = ({ namespaces }: Pick<Intermediate, 'namespaces'>, namespace: string): boolean =>
  namespaces?.includes(namespace) ?? true;

/**
 * Why a peer may be here no longer, or never might: its issuer was revoked or is unknown, or may not vouch for its
 * namespace. Asked at the handshake, and again of live connections whenever the table has changed. An east-west
 * gateway that was dialled is known by its cluster and its identity, and bears its own namespace wherever it runs.
 */
export function issuerRefusal(
  table: IssuerTable,
  {
    issuerKeyId,
    spiffeId,
    identity,
    gateway,
  }: Pick<Peer, 'issuerKeyId' | 'spiffeId' | 'identity' | 'gateway'>,
): Refusal | undefined {
  const issuer = table.get(issuerKeyId);
  if (!issuer)
    return { reason: 'UNKNOWN_ISSUER', message: `the issuer of ${spiffeId} is not known any more` };
  const { cluster, revoked } = issuer;
  if (revoked)
    return {
      reason: 'REVOKED_ISSUER',
      message: `${spiffeId} was issued by cluster ${cluster}, which is revoked`,
    };
  if (gateway || mayHost(issuer, identity?.namespace ?? '')) return undefined;
  return {
    reason: 'NAMESPACE_NOT_ALLOWED',
    message: `${spiffeId} was issued by cluster ${cluster}, which may host ${(issuer.namespaces ?? []).slice(0, 3).join(', ')} only`,
  };
}
