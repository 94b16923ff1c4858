import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { isExported } from '../policy/exported.ts';
import type { ExportsIndex } from '../state/indexes.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';
import { OrderedKeys } from './ordered-keys.ts';

const nobody: ReadonlySet<never> = new Set<never>();
const nowhere: ReadonlyMap<never, never> = new Map<never, never>();

export class Exports implements ExportsIndex {
  readonly keys = new OrderedKeys<ServiceKey>();
  readonly #holders = new Map<ServiceKey, Map<ClusterName, ObservedService>>();
  readonly #exporters = new Map<ServiceKey, ReadonlySet<ClusterName>>();

  holders(key: ServiceKey): ReadonlyMap<ClusterName, ObservedService> {
    return this.#holders.get(key) ?? nowhere;
  }

  exporters(key: ServiceKey): ReadonlySet<ClusterName> {
    return this.#exporters.get(key) ?? nobody;
  }

  /** Clusters and services of which something is kept. */
  get size(): number {
    return this.#holders.size + this.#exporters.size;
  }

  /** Reads one service of one cluster again, and what intent says of it. */
  update(now: Now, cluster: ClusterName, key: ServiceKey): void {
    const isMember = now.intent.clusters.get(cluster)?.value.admission === 'ADMITTED';
    const service = isMember ? now.observed.get(cluster)?.services.get(key) : undefined;
    const exported = service !== undefined && isExported(now, cluster, service);
    this.#hold(cluster, key, service);
    this.#export(cluster, key, exported);
  }

  #hold(cluster: ClusterName, key: ServiceKey, service: ObservedService | undefined): void {
    const holders = this.#holders.get(key) ?? new Map<ClusterName, ObservedService>();
    if (service) holders.set(cluster, service);
    else holders.delete(cluster);
    if (holders.size > 0) {
      if (!this.#holders.has(key)) this.keys.add(key);
      this.#holders.set(key, holders);
    } else if (this.#holders.delete(key)) this.keys.remove(key);
  }

  #export(cluster: ClusterName, key: ServiceKey, exported: boolean): void {
    const before = this.exporters(key);
    if (before.has(cluster) === exported) return;
    const after = new Set(before);
    if (exported) after.add(cluster);
    else after.delete(cluster);
    if (after.size > 0) this.#exporters.set(key, after);
    else this.#exporters.delete(key);
  }
}
