import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { ObservedGateway, ClusterRecord } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';

type Known = Pick<Now, 'intent' | 'index'>;

/** A gateway that a cluster reports and that is not sent to other clusters. */
export interface UnusableGateway {
  readonly gateway: ObservedGateway;
  readonly reason: 'NETWORK_NOT_ADMITTED' | 'GATEWAY_ADDRESS_TAKEN';
  /** The cluster that has the address; '' when that is not what is wrong. */
  readonly owner: string;
}

const member = ({ intent }: Pick<Known, 'intent'>, name: string): Cluster | undefined => {
  const cluster = intent.clusters.get(name)?.value;
  return cluster?.admission === 'ADMITTED' ? cluster : undefined;
};

/** Gateways of the network that the cluster was admitted for: a report cannot take over another cluster's network. */
export const inOwnNetwork = (
  known: Pick<Known, 'intent'>,
  { cluster, gateways }: ClusterRecord,
): readonly ObservedGateway[] => {
  const network = member(known, cluster)?.network;
  return [...gateways.values()].filter((gateway) => gateway.network === network);
};

/** Of two members that report one address, the one that joined first has it. */
export const joinedBefore = (one: Cluster, other: Cluster): boolean =>
  (one.joinedAt ?? 0) === (other.joinedAt ?? 0)
    ? one.name < other.name
    : (one.joinedAt ?? 0) < (other.joinedAt ?? 0);

/** The gateways of a cluster that are sent to other clusters. */
export const usableGateways = (known: Known, record: ClusterRecord): readonly ObservedGateway[] =>
  inOwnNetwork(known, record).filter(
    ({ address }) => known.index.gatewayOwners.owner(address) === record.cluster,
  );

/** Those that are not, and why. */
export function unusableGateways(known: Known, record: ClusterRecord): readonly UnusableGateway[] {
  const network = member(known, record.cluster)?.network;
  return [...record.gateways.values()].flatMap((gateway): UnusableGateway[] => {
    if (gateway.network !== network) return [{ gateway, reason: 'NETWORK_NOT_ADMITTED', owner: '' }];
    const owner = known.index.gatewayOwners.owner(gateway.address) ?? '';
    return owner === record.cluster ? [] : [{ gateway, reason: 'GATEWAY_ADDRESS_TAKEN', owner }];
  });
}
