import type { X509Certificate } from 'node:crypto';
import type { TrustDomain } from './spiffe-id.ts';

/** The roots of one trust domain, as the hub distributes them. Sequences only grow. */
export interface TrustBundle {
  readonly trustDomain: TrustDomain;
  readonly roots: readonly X509Certificate[];
  readonly sequence: number;
}

/** One intermediate CA: whose it is and whether it is still in force. `keyId` is the subject key id, lower-case hex. */
export interface Intermediate {
  readonly keyId: string;
  readonly trustDomain: TrustDomain;
  readonly cluster: string;
  readonly certificate: X509Certificate;
  readonly revoked: boolean;
  /** Namespaces whose identities it may vouch for, as an operator set them for its cluster; absent: every one. */
  readonly namespaces?: readonly string[] | undefined;
}
