import { inBlock } from '../net/cidr.ts';
import { IndexMap } from './index-map.ts';
import type { Service, ServiceKey } from './service.ts';

/** Services by key, with what finds them. `insert` and `remove` alone write, and keep every index in step. */
export class ServiceStore {
  readonly #byKey = new Map<ServiceKey, Service>();
  readonly #byAddress = new IndexMap<Service>();
  readonly #byHostname = new IndexMap<Service>();
  readonly #blocks = new Set<Service>();

  insert(service: Service): void {
    this.remove(service.key);
    this.#byKey.set(service.key, service);
    this.#byHostname.add(service.hostname, service);
    for (const { network, address } of exact(service)) this.#byAddress.add(`${network}/${address}`, service);
    if (service.addresses.some(({ prefix }) => prefix !== undefined)) this.#blocks.add(service);
  }

  remove(key: ServiceKey): Service | undefined {
    const service = this.#byKey.get(key);
    if (!service) return undefined;
    this.#byKey.delete(key);
    this.#byHostname.delete(service.hostname, service);
    for (const { network, address } of exact(service)) this.#byAddress.delete(`${network}/${address}`, service);
    this.#blocks.delete(service);
    return service;
  }

  get(key: ServiceKey): Service | undefined {
    return this.#byKey.get(key);
  }

  all(): Iterable<Service> {
    return this.#byKey.values();
  }

  /** The service that a client in `namespace` means by a VIP; blocks count only where no exact address does. */
  atAddress(network: string, address: string, namespace: string): Service | undefined {
    return choose(this.#byAddress.get(`${network}/${address}`), namespace) ?? this.#inBlock(network, address, namespace);
  }

  withHostname(hostname: string, namespace: string): Service | undefined {
    return choose(this.#byHostname.get(hostname), namespace);
  }

  #inBlock(network: string, address: string, namespace: string): Service | undefined {
    const ranked = [...this.#blocks]
      .filter((service) => visible(service, namespace))
      .flatMap((service) => service.addresses.map((block) => ({ service, ...block, prefix: block.prefix ?? -1 })))
      .filter((block) => block.prefix >= 0 && block.network === network && inBlock(address, block))
      .sort((a, b) => rank(b, namespace) - rank(a, namespace));
    return ranked[0]?.service;
  }
}

/** Same namespace first, then the longest prefix, then a service of Kubernetes itself. */
const rank = ({ service, prefix }: { service: Service; prefix: number }, namespace: string): number =>
  (service.namespace === namespace ? 1000 : 0) + prefix * 2 + (service.canonical ? 1 : 0);

const exact = (service: Service) => service.addresses.filter(({ prefix }) => prefix === undefined);

const visible = ({ visibility, namespace }: Service, client: string): boolean =>
  visibility === 'PUBLIC' || namespace === client;

/** Of several: those the client may see, its own namespace's, then a service of Kubernetes itself, then the first. */
function choose(services: readonly Service[], namespace: string): Service | undefined {
  const seen = services.filter((service) => visible(service, namespace));
  return seen.find((one) => one.namespace === namespace) ?? seen.find(({ canonical }) => canonical) ?? seen[0];
}
