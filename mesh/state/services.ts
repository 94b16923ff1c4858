import { addressBytes } from '../net/address.ts';
import { inBlock, type Block } from '../net/cidr.ts';
import { IndexMap } from './index-map.ts';
import { first } from './preference.ts';
import type { Service, ServiceKey } from '../records/service.ts';

interface ServiceBlock extends Block {
  readonly service: Service;
}

/** Whom a client means by a host name. */
interface Wanted {
  /** The client's. */
  readonly namespace: string;
  readonly preferredNamespace: string;
  readonly isMeant: (service: Service) => boolean;
}

/** Services by key, with what finds them. `insert` and `remove` alone write, and keep every index in step. */
export class ServiceStore {
  readonly #byKey = new Map<ServiceKey, Service>();
  readonly #byAddress = new IndexMap<Service>();
  readonly #byHostname = new IndexMap<Service>();
  /** By namespace, those that are exported. */
  readonly #exported = new IndexMap<Service>();
  /** By network. There are few, so they are looked through. */
  readonly #blocks = new Map<string, readonly ServiceBlock[]>();

  /** Puts a service in, or in the place of the one of its key. Gives back the one that it replaces. */
  insert(service: Service): Service | undefined {
    const replaced = this.remove(service.key);
    this.#byKey.set(service.key, service);
    this.#byHostname.add(service.hostname, service);
    if (service.exported) this.#exported.add(service.namespace, service);
    for (const { network, address, prefix } of service.addresses)
      if (prefix === undefined) this.#byAddress.add(`${network}/${address}`, service);
      else this.#blocks.set(network, [...(this.#blocks.get(network) ?? []), { service, address, prefix }]);
    return replaced;
  }

  remove(key: ServiceKey): Service | undefined {
    const service = this.#byKey.get(key);
    if (!service) return undefined;
    this.#byKey.delete(key);
    this.#byHostname.delete(service.hostname, service);
    if (service.exported) this.#exported.delete(service.namespace, service);
    for (const { network, address, prefix } of service.addresses)
      if (prefix === undefined) this.#byAddress.delete(`${network}/${address}`, service);
      else this.#removeBlocks(network, service);
    return service;
  }

  get(key: ServiceKey): Service | undefined {
    return this.#byKey.get(key);
  }

  all(): Iterable<Service> {
    return this.#byKey.values();
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The service that a client in `namespace` means by a VIP; blocks count only where no exact address does. */
  atAddress(network: string, address: string, namespace: string): Service | undefined {
    return (
      choose(this.#byAddress.get(`${network}/${address}`), namespace) ??
      this.#inBlock(network, address, namespace)
    );
  }

  /** The service that a client in `namespace` means by a host name. */
  withHostname(hostname: string, namespace: string): Service | undefined {
    return choose(this.#byHostname.get(hostname), namespace);
  }

  /** The service that a client means by a host name, of those of which `isMeant` holds. */
  best(hostname: string, { namespace, preferredNamespace, isMeant }: Wanted): Service | undefined {
    // One of the client's own namespace wins.
    const own = this.#byKey.get(`${namespace}/${hostname}`);
    if (own && isMeant(own)) return own;
    return choose(this.#byHostname.get(hostname).filter(isMeant), namespace, preferredNamespace);
  }

  /** Every service that has a host name, in whatever namespace. */
  allWithHostname(hostname: string): readonly Service[] {
    return this.#byHostname.get(hostname);
  }

  /** The exported services of a namespace. */
  exportedIn(namespace: string): readonly Service[] {
    return this.#exported.get(namespace);
  }

  #inBlock(network: string, address: string, namespace: string): Service | undefined {
    const blocks = this.#blocks.get(network);
    if (!blocks) return undefined;
    const bytes = addressBytes(address);
    const around = blocks.filter((block) => visible(block.service, namespace) && inBlock(bytes, block));
    const longest = around.reduce((max, { prefix }) => Math.max(max, prefix), 0);
    // Same namespace first, then the longest prefix, then a service of Kubernetes itself.
    const near = around.filter(({ service }) => service.namespace === namespace);
    const longestNear = near.reduce((max, { prefix }) => Math.max(max, prefix), 0);
    const wishes = [
      ({ service }: ServiceBlock) => service.namespace === namespace,
      ({ prefix }: ServiceBlock) => prefix === (near.length > 0 ? longestNear : longest),
      ({ service }: ServiceBlock) => service.canonical,
    ];
    return first(around, wishes, ({ service }) => service.key)?.service;
  }

  #removeBlocks(network: string, service: Service): void {
    const left = (this.#blocks.get(network) ?? []).filter((block) => block.service !== service);
    if (left.length > 0) this.#blocks.set(network, left);
    else this.#blocks.delete(network);
  }
}

const visible = ({ visibility, namespace }: Service, client: string): boolean =>
  visibility === 'PUBLIC' || namespace === client;

/**
 * Of several: those the client may see, its own namespace's, then a service of Kubernetes itself, then those of the
 * preferred namespace, then by name.
 */
function choose(services: readonly Service[], namespace: string, preferred = ''): Service | undefined {
  const seen = services.filter((service) => visible(service, namespace));
  const wishes = [
    (one: Service) => one.namespace === namespace,
    ({ canonical }: Service) => canonical,
    (one: Service) => one.namespace === preferred,
  ];
  return first(seen, wishes, ({ key }) => key);
}
