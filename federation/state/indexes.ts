import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { CollectedChanges } from '../observation/change-set.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from './now.ts';

/** Keys in the order of their UTF-16 units. Positions are valid until a key is added or removed. */
export interface KeyOrder<K extends string = string> extends Iterable<K> {
  readonly size: number;
  /** Where the keys with a prefix are; `to` is the first after them. */
  range(prefix: string): { readonly from: number; readonly to: number };
  slice(from: number, count: number): readonly K[];
  /** The position of the first greater key. */
  after(key: string): number;
}

/** Which members have a service, and which of them export it. Clusters that are no members are not in it. */
export interface ExportsIndex {
  /** How much it keeps, for tests that nothing stays of what is gone. */
  readonly size: number;
  /** Of every service that a member has. */
  readonly keys: KeyOrder<ServiceKey>;
  holders(key: ServiceKey): ReadonlyMap<ClusterName, ObservedService>;
  /** Another set than before when it changes. */
  exporters(key: ServiceKey): ReadonlySet<ClusterName>;
}

export interface GatewayOwnersIndex {
  readonly size: number;
  /** The one member that a gateway's address belongs to. */
  owner(address: string): ClusterName | undefined;
  /** All members that report it for their network. */
  claimants(address: string): ReadonlySet<ClusterName>;
}

/** The trust domains that known clusters are of. */
export interface TrustDomainsIndex extends Iterable<TrustDomain> {
  readonly size: number;
  has(trustDomain: TrustDomain): boolean;
}

/** Join tokens that are stored, by what they are looked for by. */
export interface JoinTokensIndex {
  readonly size: number;
  /** The id of the one with this hash of its secret. */
  withHash(secretHash: string): string | undefined;
  /** Ids of those of a cluster. */
  of(cluster: ClusterName): ReadonlySet<string>;
}

/** What follows from the whole state and is kept up to date with each change of it, within the same turn. */
export interface Indexes {
  readonly exports: ExportsIndex;
  readonly gatewayOwners: GatewayOwnersIndex;
  /** Names of all clusters that are known, and of all access policies. */
  readonly clusters: KeyOrder;
  readonly policies: KeyOrder;
  readonly trustDomains: TrustDomainsIndex;
  readonly joinTokens: JoinTokensIndex;
}

/** Indexes that follow the state. `changes` are those of one step, and get what follows from it by the indexes. */
export interface KeptIndexes extends Indexes {
  follow(changes: CollectedChanges, now: Now): void;
}
