import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import { serviceKeyOf } from '../../keys/names.ts';
import type { ServiceAddresses } from '../../runtime/cluster-runtime.ts';
import type { ClusterView } from '../../view/cluster-view.ts';
import type { Allocations } from './allocations.ts';

interface Deps {
  readonly allocations: Pick<Allocations, 'vip' | 'setRemoteOnly'>;
  readonly view: ClusterView;
  /** Services of other clusters that this one may use. */
  readonly remotes: () => Iterable<RemoteService>;
}

/** Virtual addresses of services out of the cluster's block: each proxy has its own, at which it captures. */
export class FilesAddresses implements ServiceAddresses {
  readonly kind = 'PER_CLIENT';
  readonly #deps: Deps;
  #headless: ReadonlySet<string> = new Set();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  of(client: string, service: string): readonly string[] {
    if (this.#headless.has(service)) return [];
    const address = this.#deps.allocations.vip(client, service);
    return address.ok ? [address.value] : [];
  }

  /** To be called before proxies get services, as each asks for its addresses of them. */
  published(): void {
    const { allocations, view, remotes } = this.#deps;
    const own = localServiceKeys(view);
    allocations.setRemoteOnly(remoteOnly(remotes(), own), (service) => own.has(service));
    this.#headless = headlessServices(view);
  }
}

/** Keys of services that have no address of their own. */
export const headlessServices = (view: ClusterView): ReadonlySet<string> =>
  new Set(
    [...view.all('Service')].filter(({ headless }) => headless).map(({ metadata }) => serviceKeyOf(metadata)),
  );

/** Keys of services that this cluster has itself. */
export const localServiceKeys = (view: ClusterView): ReadonlySet<string> =>
  new Set([...view.all('Service')].map(({ metadata }) => serviceKeyOf(metadata)));

/** Clusters, in order of their names, by the key of a service that they have and this cluster does not. */
export function remoteOnly(
  remotes: Iterable<RemoteService>,
  own: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const clusters = new Map<string, string[]>();
  for (const remote of remotes) {
    const key = serviceKeyOf(remote);
    if (own.has(key)) continue;
    clusters.set(key, [...(clusters.get(key) ?? []), remote.cluster].sort());
  }
  return clusters;
}
