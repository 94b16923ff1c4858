import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Produced, ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import type { NetworkAddress, Service } from '@isthmus/mesh/state/service.ts';
import type { EncodeCache, Form, Unencodable } from './encode.ts';
import { audienceOf, type Audience, type Projection } from './project.ts';
import type { ProxyClient } from './proxy-client.ts';

/** The virtual addresses of a service for one proxy, which only that proxy listens on. */
export type Vips = (client: string, service: string) => readonly NetworkAddress[];

/** What one client receives: its audience's projection, with its own addresses of services. */
export class ClientView {
  readonly client: ProxyClient;
  readonly audience: Audience;
  readonly #form: Form;
  readonly #cache: EncodeCache;
  readonly #vips: Vips | undefined;
  readonly #own = new Map<string, Service>();
  readonly #base = new Map<string, Service>();
  projection: Projection | undefined;

  constructor(client: ProxyClient, cache: EncodeCache, vips: Vips | undefined) {
    this.client = client;
    this.audience = audienceOf(client);
    this.#form = this.audience === 'upstream' ? 'plain' : 'extended';
    this.#cache = cache;
    // A gateway is entered by names, never by virtual addresses.
    this.#vips = this.audience === 'gateway' ? undefined : vips;
  }

  resources(type: string): ProducedResources {
    const records = this.projection?.get(type) ?? new Map<string, object>();
    return {
      keys: () => records.keys(),
      get: (name) => {
        const encoded = this.#encoded(type, name, records.get(name));
        return encoded && 'version' in encoded ? encoded : undefined;
      },
    };
  }

  /** What cannot be encoded is neither replaced nor taken away. */
  holds(type: string, name: string): boolean {
    const encoded = this.#encoded(type, name, this.projection?.get(type)?.get(name));
    return encoded !== undefined && 'failure' in encoded;
  }

  #encoded(type: string, name: string, record: object | undefined): Produced | Unencodable | undefined {
    if (record === undefined) {
      this.#forget(name);
      return undefined;
    }
    const own = type === typeUrls.address && !('uid' in record) ? this.#service(record as Service) : record;
    return this.#cache.encode(type, own, this.#form);
  }

  /** The service with this client's addresses; the same object while neither changes. */
  #service(base: Service): Service {
    if (!this.#vips) return base;
    const addresses = this.#vips(this.client.key, base.key);
    const known = this.#own.get(base.key);
    if (known && this.#base.get(base.key) === base && sameAddresses(known.addresses, addresses)) return known;
    const own = { ...base, addresses };
    this.#own.set(base.key, own);
    this.#base.set(base.key, base);
    return own;
  }

  #forget(name: string): void {
    this.#own.delete(name);
    this.#base.delete(name);
  }
}

const sameAddresses = (one: readonly NetworkAddress[], other: readonly NetworkAddress[]): boolean =>
  one.length === other.length &&
  one.every(({ network, address, prefix }, i) => {
    const twin = other[i];
    return twin?.network === network && twin.address === address && twin.prefix === prefix;
  });
