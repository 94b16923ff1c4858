import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

/**
 * Whether an intermediate may begin to sign: every verifier that has to has acknowledged it. A cluster's first one
 * waits for the clusters that are connected, as one that is away receives the table before anything else when it
 * returns; a renewal waits for every member, as half of the old one's life is left for that.
 */
export function readyToActivate(
  intermediate: IntermediateRecord,
  { intent, observed }: FederationSnapshot,
): boolean {
  if (intermediate.activated || intermediate.revoked) return false;
  const first = ![...intent.intermediates.values()].some(
    ({ value }) => value.cluster === intermediate.cluster && value.activated && !value.revoked,
  );
  const members = [...intent.clusters.values()]
    .filter(({ value }) => value.admission === 'ADMITTED')
    .map(({ id }) => id);
  const awaited = first ? members.filter((name) => observed.get(name)?.link.kind === 'CONNECTED') : members;
  return (
    awaited.includes(intermediate.cluster) &&
    awaited.every(
      (name) => observed.get(name)?.applied.get(`intermediate/${intermediate.keyId}`)?.state === 'APPLIED',
    )
  );
}
