/** A trust domain and its root. The root's key is sealed and never leaves the hub's store. */
export interface TrustDomainRecord {
  readonly kind: 'trustDomain';
  readonly name: string;
  readonly rootCertificatePem: string;
  /** Sealed by the key provider; opaque here. */
  readonly sealedRootKey: string;
  readonly sequence: number;
}

/** An intermediate issued to a cluster. */
export interface IntermediateRecord {
  readonly kind: 'intermediate';
  readonly keyId: string;
  readonly trustDomain: string;
  readonly cluster: string;
  readonly certificatePem: string;
  readonly notAfter: number;
  readonly revoked: boolean;
  /** Every verifier that had to has acknowledged it, so it signs. */
  readonly activated: boolean;
}
