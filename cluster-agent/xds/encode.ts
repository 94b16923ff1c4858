import { encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { encodeService, encodeWorkload } from '@isthmus/api/wire/address.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { encodeIntermediate, encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Produced } from '@isthmus/mesh/delta/produced.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { Service } from '@isthmus/mesh/state/service.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';

/** `plain` is for Istio's own proxies: without what Isthmus adds. */
export type Form = 'extended' | 'plain';

/** A record that cannot be encoded; the reason. It is kept as it was at those who have it. */
export interface Unencodable {
  readonly failure: string;
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
  readonly #onFailure: (type: string, failure: string) => void;

  constructor(onFailure: (type: string, failure: string) => void) {
    this.#onFailure = onFailure;
  }

  encode(type: string, record: object, form: Form): Produced | Unencodable {
    const cache = this.#bytes[form];
    const known = cache.get(record);
    if (known) return known;
    const encoded = this.#try(type, record, form);
    cache.set(record, encoded);
    return encoded;
  }

  #try(type: string, record: object, form: Form): Produced | Unencodable {
    try {
      const body = encodeAs(type, record, form);
      return { version: contentVersion(body), body };
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
