import { serviceKeyOf, type ServiceKey } from '../../keys/names.ts';
import type { Delta } from '../../publish/delta.ts';
import type { OwnAddresses } from '../../runtime/cluster-runtime.ts';
import type { HubResources } from '../../view/hub-resources.ts';
import type { ClusterView } from '../../view/cluster-view.ts';
import { keysOf } from '../../view/service-entries.ts';
import type { Allocations } from './allocations.ts';

interface Deps {
  readonly allocations: Pick<Allocations, 'vip' | 'isVipOf' | 'offer'>;
  readonly view: Pick<ClusterView, 'all' | 'service' | 'serviceEntries'>;
  readonly hub: Pick<HubResources, 'remotesOf' | 'remoteServices'>;
}

/** Virtual addresses of services out of the cluster's block: each proxy has its own, at which it captures. */
export class FilesAddresses implements OwnAddresses {
  readonly kind = 'PER_CLIENT';
  readonly #deps: Deps;
  readonly #without = new Set<string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  of(client: string, service: string): readonly string[] {
    if (this.#without.has(service)) return [];
    const address = this.#deps.allocations.vip(client, service);
    return address.ok ? [address.value] : [];
  }

  isOf(client: string, address: string): boolean {
    return this.#deps.allocations.isVipOf(client, address);
  }

  /** To be called before proxies get services, as each asks for its addresses of them. */
  published({ keys }: Pick<Delta, 'keys'>): void {
    for (const touched of keys)
      if (touched.kind === 'synced') this.#lookAtAll();
      else if (touched.kind === 'service' || touched.kind === 'entryHost' || touched.kind === 'remotes')
        this.#look(touched.service);
  }

  #lookAtAll(): void {
    const { view, hub } = this.#deps;
    for (const { metadata } of view.all('Service')) this.#look(serviceKeyOf(metadata));
    for (const entry of view.all('ServiceEntry')) for (const key of keysOf(entry)) this.#look(key);
    for (const service of hub.remoteServices()) this.#look(service);
  }

  /** Whether the service has addresses, and to which cluster they count. */
  #look(key: ServiceKey): void {
    const { allocations, view, hub } = this.#deps;
    const own = view.service(key);
    const entry = view.serviceEntries.at(key);
    // What is passed through is dialled at its own address.
    if (own?.headless || entry?.resolution === 'NONE') this.#without.add(key);
    else this.#without.delete(key);
    const isOwn = own !== undefined || entry !== undefined;
    allocations.offer(key, isOwn ? [] : hub.remotesOf(key).map(({ cluster }) => cluster), isOwn);
  }
}
