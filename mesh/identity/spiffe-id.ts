import type { Result } from '../result.ts';

declare const trustDomainBrand: unique symbol;
declare const spiffeIdBrand: unique symbol;

/** A trust domain name in its only canonical form: lower case, 1 to 255 of `[a-z0-9._-]` (SPIFFE-ID 2.1). */
export type TrustDomain = string & { readonly [trustDomainBrand]: true };

/** A whole SPIFFE ID as text, `spiffe://<trust domain>/<path>`, at most 2,048 bytes (SPIFFE-ID 2.3). */
export type SpiffeId = string & { readonly [spiffeIdBrand]: true };

/** Who a workload is: `spiffe://<trustDomain>/ns/<namespace>/sa/<serviceAccount>`. */
export interface WorkloadIdentity {
  readonly trustDomain: TrustDomain;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export type { Result };
