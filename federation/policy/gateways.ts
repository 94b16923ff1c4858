import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { ObservedGateway, Shard } from '../state/observed.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

type Known = Pick<FederationSnapshot, 'intent' | 'observed'>;

/** A gateway that a cluster reports and that is not sent to other clusters. */
export interface UnusableGateway {
  readonly gateway: ObservedGateway;
  readonly reason: 'NETWORK_NOT_ADMITTED' | 'GATEWAY_ADDRESS_TAKEN';
  /** The cluster that has the address; '' when that is not what is wrong. */
  readonly owner: string;
}

const member = ({ intent }: Known, name: string): Cluster | undefined => {
  const cluster = intent.clusters.get(name)?.value;
  return cluster?.admission === 'ADMITTED' ? cluster : undefined;
};

/** Gateways of the network that the cluster was admitted for: a report cannot take over another cluster's network. */
const inOwnNetwork = (known: Known, { cluster, gateways }: Shard): readonly ObservedGateway[] => {
  const network = member(known, cluster)?.network;
  return [...gateways.values()].filter((gateway) => gateway.network === network);
};

/** Of two members that report one address, the one that joined first has it. */
const joinedBefore = (one: Cluster, other: Cluster): boolean =>
  (one.joinedAt ?? 0) === (other.joinedAt ?? 0)
    ? one.name < other.name
    : (one.joinedAt ?? 0) < (other.joinedAt ?? 0);

/** Address of a gateway to the one cluster that it belongs to. */
export function gatewayOwners(known: Known): ReadonlyMap<string, string> {
  const owners = new Map<string, Cluster>();
  for (const shard of known.observed.values()) {
    const cluster = member(known, shard.cluster);
    if (!cluster) continue;
    for (const { address } of inOwnNetwork(known, shard)) {
      const other = owners.get(address);
      if (!other || joinedBefore(cluster, other)) owners.set(address, cluster);
    }
  }
  return new Map([...owners].map(([address, { name }]) => [address, name]));
}

const remembered = new WeakMap<Known['observed'], WeakMap<object, ReadonlyMap<string, string>>>();

/** `gatewayOwners`, worked out once for a snapshot. */
export function ownersIn(known: Known): ReadonlyMap<string, string> {
  const byClusters = remembered.get(known.observed) ?? new WeakMap<object, ReadonlyMap<string, string>>();
  remembered.set(known.observed, byClusters);
  const owners = byClusters.get(known.intent.clusters) ?? gatewayOwners(known);
  byClusters.set(known.intent.clusters, owners);
  return owners;
}

/** The gateways of a cluster that are sent to other clusters. */
export const usableGateways = (
  known: Known,
  shard: Shard,
  owners: ReadonlyMap<string, string> = ownersIn(known),
): readonly ObservedGateway[] =>
  inOwnNetwork(known, shard).filter(({ address }) => owners.get(address) === shard.cluster);

/** Those that are not, and why. */
export function unusableGateways(known: Known, shard: Shard): readonly UnusableGateway[] {
  const owners = ownersIn(known);
  const network = member(known, shard.cluster)?.network;
  return [...shard.gateways.values()].flatMap((gateway): UnusableGateway[] => {
    if (gateway.network !== network) return [{ gateway, reason: 'NETWORK_NOT_ADMITTED', owner: '' }];
    const owner = owners.get(gateway.address) ?? '';
    return owner === shard.cluster ? [] : [{ gateway, reason: 'GATEWAY_ADDRESS_TAKEN', owner }];
  });
}
