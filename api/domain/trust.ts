import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';

/** A trust domain and its root. The root's key is sealed and never leaves the hub's store. */
export interface TrustDomainRecord {
  readonly kind: 'trustDomain';
  readonly name: TrustDomain;
  readonly rootCertificatePem: string;
  /** Sealed by the key provider; opaque here. */
  readonly sealedRootKey: string;
  readonly sequence: number;
}

/** An intermediate issued to a cluster. */
export interface IntermediateRecord {
  readonly kind: 'intermediate';
  readonly keyId: string;
  readonly trustDomain: TrustDomain;
  readonly cluster: string;
  readonly certificatePem: string;
  readonly notAfter: number;
  readonly revoked: boolean;
  /** Every verifier that had to has acknowledged it, so it signs. */
  readonly activated: boolean;
  /** Its cluster has none that it could sign with: it waits for no member that is away. Absent: it has one. */
  readonly urgent?: true;
}

/** The CA of the link between hub and agents, whose key is sealed. There is one. */
export interface LinkCaRecord {
  readonly kind: 'linkCa';
  /** The hub whose agents it names. */
  readonly hubId: string;
  readonly certificatePem: string;
  readonly sealedKey: string;
}

/** The administrator's token, sealed. There is one. */
export interface AdminTokenRecord {
  readonly kind: 'adminToken';
  readonly sealedToken: string;
}
