import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Produced, ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import type { NetworkAddress, Service } from '@isthmus/mesh/records/service.ts';
import type { Projection } from '../publish/audience.ts';
import { audienceOf, type Audience } from '../publish/forms.ts';
import { formOf, type EncodeCache, type Form, type ServiceBase, type Unencodable } from './encode.ts';
import type { ProxyClient } from './proxy-client.ts';

/** The virtual addresses of a service for one proxy, which only that proxy listens on. */
export type Vips = (client: string, service: string) => readonly NetworkAddress[];

/** A service as this client has it, and what it is made of. */
interface OwnService {
  readonly base: ServiceBase;
  readonly addresses: readonly NetworkAddress[];
  readonly produced: Produced | Unencodable;
}

/** What one client receives: its audience's projection, with its own addresses of services. */
export class ClientView {
  readonly client: ProxyClient;
  readonly audience: Audience;
  readonly #form: Form;
  readonly #cache: EncodeCache;
  readonly #vips: Vips | undefined;
  /** By key of the service. Those that have no address here are the same for all clients. */
  readonly #own = new Map<string, OwnService>();
  readonly #resources = new Map<string, ProducedResources>();
  projection: Projection | undefined;

  constructor(client: ProxyClient, cache: EncodeCache, vips: Vips | undefined) {
    this.client = client;
    this.audience = audienceOf(client);
    this.#form = formOf(this.audience);
    this.#cache = cache;
    // A gateway is entered by names, never by virtual addresses.
    this.#vips = this.audience === 'gateway' ? undefined : vips;
  }

  /** Shows what there is at the time of each question. */
  resources(type: string): ProducedResources {
    const known = this.#resources.get(type);
    if (known) return known;
    const records = () => this.projection?.get(type) ?? noRecords;
    const resources: ProducedResources = {
      keys: () => records().keys(),
      get: (name) => {
        const encoded = this.#encoded(type, name, records().get(name));
        return encoded && 'version' in encoded ? encoded : undefined;
      },
    };
    this.#resources.set(type, resources);
    return resources;
  }

  /** Its workloads, which all clients of its audience have in the same versions. */
  get workloads(): ProducedResources {
    return {
      keys: () => this.#workloadNames(),
      get: (name) => this.#cache.workload(this.#addresses.get(name), this.#form),
    };
  }

  *#workloadNames(): Iterable<string> {
    for (const [name, record] of this.#addresses) if ('uid' in record) yield name;
  }

  get #addresses(): ReadonlyMap<string, object> {
    return this.projection?.get(typeUrls.address) ?? noRecords;
  }

  /** What cannot be encoded is neither replaced nor taken away. */
  holds(type: string, name: string): boolean {
    const encoded = this.#encoded(type, name, this.projection?.get(type)?.get(name));
    return encoded !== undefined && 'failure' in encoded;
  }

  #encoded(type: string, name: string, record: object | undefined): Produced | Unencodable | undefined {
    if (record === undefined) {
      this.#own.delete(name);
      return undefined;
    }
    return type === typeUrls.address && !('uid' in record) && this.#vips
      ? this.#service(record as Service, this.#vips)
      : this.#cache.encode(type, record, this.#form);
  }

  /** The service with this client's addresses. */
  #service(service: Service, vips: Vips): Produced | Unencodable {
    const base = this.#cache.base(service, this.#form);
    if ('failure' in base) return base;
    const addresses = vips(this.client.key, service.key);
    if (addresses.length === 0) {
      this.#own.delete(service.key);
      return this.#cache.addressed(base, none);
    }
    const known = this.#own.get(service.key);
    if (known?.base === base && sameAddresses(known.addresses, addresses)) return known.produced;
    const produced = this.#cache.addressed(base, addresses);
    this.#own.set(service.key, { base, addresses, produced });
    return produced;
  }
}

const none: readonly never[] = [];
const noRecords: ReadonlyMap<string, object> = new Map();

const sameAddresses = (one: readonly NetworkAddress[], other: readonly NetworkAddress[]): boolean =>
  one.length === other.length &&
  one.every(({ network, address, prefix }, i) => {
    const twin = other[i];
    return twin?.network === network && twin.address === address && twin.prefix === prefix;
  });
