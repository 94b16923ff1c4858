import { parseSubject } from '@isthmus/api/domain/names.ts';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { touches, written, writtenServices, type ChangeSet } from '../observation/change-set.ts';
import type { Now } from '../state/now.ts';

/** Clusters of which something is shown otherwise after a change, ages aside. It may name more than differ. */
export const shownBy = (changes: ChangeSet): ReadonlySet<ClusterName> =>
  new Set([
    ...written(changes, 'cluster').keys(),
    ...changes.shown,
    ...changes.gateways,
    ...changes.forgotten,
  ]);

/**
 * Clusters whose conditions may be others, though nothing that is observed of them is: services that are withheld, the
 * owner of an address that it claims, and an intermediate that waits.
 */
export const conditionsTouchedBy = (changes: ChangeSet, now: Now): ReadonlySet<ClusterName> =>
  new Set([...withholding(changes, now), ...claiming(changes, now), ...waiting(changes, now)]);

/** Who has the address of a gateway is shown of all that claim it. */
const claiming = ({ gateways }: ChangeSet, { observed, index }: Now): readonly ClusterName[] =>
  [...gateways].flatMap((cluster) =>
    [...(observed.get(cluster)?.gateways.values() ?? [])].flatMap(({ address }) => [
      ...index.gatewayOwners.claimants(address),
    ]),
  );

/** A service is withheld only where an operator has said which namespaces a cluster may host. */
function withholding(changes: ChangeSet, now: Now): readonly ClusterName[] {
  const isLimited = (cluster: ClusterName) =>
    now.intent.clusters.get(cluster)?.value.namespaces !== undefined;
  const keys = [...writtenServices(changes, 'serviceExport', 'exportApproval')];
  const holders = keys.flatMap((key) => [...now.index.exports.holders(key).keys()]);
  return [...changes.services.keys(), ...holders].filter(isLimited);
}

/** Whom an intermediate waits for, and whether those are there, is shown of the cluster that it is of. */
function waiting(changes: ChangeSet, now: Now): readonly ClusterName[] {
  const touched = written(changes, 'intermediate');
  const owners = [...touched].flatMap(([id, before]) => [
    ownerOf(before?.value),
    ownerOf(now.intent.intermediates.get(id)?.value),
  ]);
  const { intermediates } = now.intent;
  const mayBeAny = changes.links.size > 0 || touches(changes, 'cluster');
  const acknowledged = (
    mayBeAny
      ? [...intermediates.values()]
      : acknowledgedIn(changes).flatMap((id) => intermediates.get(id) ?? [])
  ).filter(({ value }) => isWaiting(value));
  return [...owners, ...acknowledged.map(({ value }) => value.cluster)].filter((one) => one !== undefined);
}

/** Key ids of intermediates that some cluster acknowledges otherwise than before. */
const acknowledgedIn = ({ applied }: ChangeSet): readonly string[] =>
  [...applied.keys()].flatMap((subject) => {
    const parsed = parseSubject(subject);
    return parsed?.type === 'intermediate' ? [parsed.name] : [];
  });

const ownerOf = (record: IntermediateRecord | undefined): ClusterName | undefined => record?.cluster;

const isWaiting = ({ activated, revoked }: IntermediateRecord): boolean => !activated && !revoked;
