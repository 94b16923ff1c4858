import { encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import {
  encodeService,
  encodeServiceAddresses,
  encodeServiceRecord,
  encodeWorkload,
  joinService,
  type EncodedService,
} from '@isthmus/api/wire/address.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { encodeIntermediate, encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Produced } from '@isthmus/mesh/delta/produced.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { NetworkAddress, Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Audience } from '../publish/forms.ts';

/** `plain` is for Istio's own proxies: without what Isthmus adds. */
export type Form = 'extended' | 'plain';

export const formOf = (audience: Audience): Form => (audience === 'upstream' ? 'plain' : 'extended');

/** A record that cannot be encoded; the reason. It is kept as it was at those who have it. */
export interface Unencodable {
  readonly failure: string;
}

/** A service that is encoded but for the addresses that each client has of it. */
export interface ServiceBase extends EncodedService {
  readonly version: string;
}

/**
 * Bytes of records, encoded once and shared by every client. Records never change, so a record's bytes are kept for
 * as long as the record itself.
 */
export class EncodeCache {
  readonly #bytes = {
    extended: new WeakMap<object, Produced | Unencodable>(),
    plain: new WeakMap<object, Produced | Unencodable>(),
  };
  readonly #bases = {
    extended: new WeakMap<Service, ServiceBase | Unencodable>(),
    plain: new WeakMap<Service, ServiceBase | Unencodable>(),
  };
  /** Services without an address at a client. */
  readonly #bare = new WeakMap<ServiceBase, Produced | Unencodable>();
  readonly #onFailure: (type: string, failure: string) => void;

  constructor(onFailure: (type: string, failure: string) => void) {
    this.#onFailure = onFailure;
  }

  encode(type: string, record: object, form: Form): Produced | Unencodable {
    const cache = this.#bytes[form];
    const known = cache.get(record);
    if (known) return known;
    const encoded = this.#try(type, (): Produced => {
      const body = encodeAs(type, record, form);
      return { version: contentVersion(body), body };
    });
    cache.set(record, encoded);
    return encoded;
  }

  /** An address, if it is a workload that can be encoded: all clients of an audience have the same of it. */
  workload(record: object | undefined, form: Form): Produced | undefined {
    if (!record || !('uid' in record)) return undefined;
    const encoded = this.encode(typeUrls.address, record, form);
    return 'version' in encoded ? encoded : undefined;
  }

  /** A service without the addresses of any client. */
  base(service: Service, form: Form): ServiceBase | Unencodable {
    const known = this.#bases[form].get(service);
    if (known) return known;
    const encoded = this.#try(typeUrls.address, (): ServiceBase => {
      const base = encodeServiceRecord(service, { extended: form === 'extended' });
      return { ...base, version: contentVersion(base.record) };
    });
    this.#bases[form].set(service, encoded);
    return encoded;
  }

  /** A service with one client's addresses. Only these are encoded, and all is put together when it is sent. */
  addressed(base: ServiceBase, addresses: readonly NetworkAddress[]): Produced | Unencodable {
    const bare = addresses.length === 0 ? this.#bare.get(base) : undefined;
    if (bare) return bare;
    const produced = this.#join(base, addresses);
    if (addresses.length === 0) this.#bare.set(base, produced);
    return produced;
  }

  #join(base: ServiceBase, addresses: readonly NetworkAddress[]): Produced | Unencodable {
    return this.#try(typeUrls.address, (): Produced => {
      const own = encodeServiceAddresses(addresses);
      const version = own.length === 0 ? base.version : `${base.version}.${contentVersion(own)}`;
      return { version, body: () => joinService(base, own) };
    });
  }

  #try<T>(type: string, encode: () => T): T | Unencodable {
    try {
      return encode();
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      this.#onFailure(type, failure);
      return { failure };
    }
  }
}

function encodeAs(type: string, record: object, form: Form): Uint8Array {
  switch (type) {
    case typeUrls.trustBundle:
      return encodeTrustBundle(record as TrustBundle);
    case typeUrls.intermediate:
      return encodeIntermediate(record as Intermediate);
    case typeUrls.authorization:
      return encodeAuthorization(record as Authorization);
    default: {
      const options = { extended: form === 'extended' };
      return 'uid' in record
        ? encodeWorkload(record as Workload, options)
        : encodeService(record as Service, options);
    }
  }
}
