import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { written, writtenServices, type CollectedChanges } from '../observation/change-set.ts';
import type { KeptIndexes } from '../state/indexes.ts';
import type { Now } from '../state/now.ts';
import { Exports } from './exports.ts';
import { GatewayOwners } from './gateway-owners.ts';
import { JoinTokens } from './join-tokens.ts';
import { OrderedKeys } from './ordered-keys.ts';
import { TrustDomains } from './trust-domains.ts';

/** The indexes of one hub, and what each change means for them. */
export class HubIndexes implements KeptIndexes {
  readonly exports = new Exports();
  readonly gatewayOwners = new GatewayOwners();
  readonly clusters = new OrderedKeys();
  readonly policies = new OrderedKeys();
  readonly trustDomains = new TrustDomains();
  readonly joinTokens = new JoinTokens();

  /** Follows one change, in a time that depends on its size alone. Adds the clusters whose addresses change hands. */
  follow(changes: CollectedChanges, now: Now): void {
    for (const name of written(changes, 'accessPolicy').keys())
      put(this.policies, name, now.intent.accessPolicies.has(name));
    for (const id of written(changes, 'joinToken').keys())
      this.joinTokens.set(id, now.intent.joinTokens.get(id)?.value);
    this.#followClusters(changes, now);
    for (const key of writtenServices(changes, 'serviceExport', 'exportApproval')) this.#ofName(now, key);
    for (const [cluster, keys] of changes.services)
      for (const key of keys) this.exports.update(now, cluster, key);
    for (const cluster of [...changes.gateways])
      for (const other of this.gatewayOwners.update(now, cluster)) changes.gateways.add(other);
  }

  #followClusters(changes: CollectedChanges, now: Now): void {
    for (const [cluster, before] of written(changes, 'cluster')) {
      put(this.clusters, cluster, now.intent.clusters.has(cluster));
      const after = now.intent.clusters.get(cluster)?.value;
      this.trustDomains.set(cluster, after?.trustDomain);
      if (!differs(before?.value, after)) continue;
      changes.gateways.add(cluster);
      for (const key of now.observed.get(cluster)?.services.keys() ?? [])
        this.exports.update(now, cluster, key);
    }
  }

  #ofName(now: Now, key: ServiceKey): void {
    const holders: readonly ClusterName[] = [...this.exports.holders(key).keys()];
    for (const cluster of holders) this.exports.update(now, cluster, key);
  }
}

const put = (keys: OrderedKeys, key: string, isThere: boolean): void =>
  isThere ? keys.add(key) : keys.remove(key);

/** Whether what is exported, or who has which gateway, may be another one. */
const differs = (before: Cluster | undefined, after: Cluster | undefined): boolean =>
  (['admission', 'namespaces', 'network', 'joinedAt'] as const).some(
    (field) => before?.[field] !== after?.[field],
  );
