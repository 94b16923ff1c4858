import { experimental, type ServerCredentials } from '@grpc/grpc-js';

type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/** A key and its chain, PEM, leaf first. */
export interface KeyPair {
  readonly key: string;
  readonly chain: string;
}

/**
 * The certificates of one end, which may be replaced while it runs: new handshakes take the newest, open connections
 * go on.
 */
export class Certificates implements experimental.CertificateProvider {
  readonly #ca = new Set<CaListener>();
  readonly #identity = new Set<IdentityListener>();
  #caUpdate: experimental.CaCertificateUpdate | null;
  #identityUpdate: experimental.IdentityCertificateUpdate;

  /** `ca`: PEM of the roots that peers are verified against; '' when none are. */
  constructor(identity: KeyPair, ca = '') {
    this.#identityUpdate = toIdentity(identity);
    this.#caUpdate = toCa(ca);
  }

  setIdentity(identity: KeyPair): void {
    this.#identityUpdate = toIdentity(identity);
    for (const listener of this.#identity) listener(this.#identityUpdate);
  }

  setCa(pem: string): void {
    this.#caUpdate = toCa(pem);
    for (const listener of this.#ca) listener(this.#caUpdate);
  }

  /** Listeners hear of what there is on the next tick: grpc-js is not ready for it while it adds them. */
  addCaCertificateListener(listener: CaListener): void {
    this.#ca.add(listener);
    process.nextTick(() => listener(this.#caUpdate));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#ca.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identity.add(listener);
    process.nextTick(() => listener(this.#identityUpdate));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identity.delete(listener);
  }
}

/** A server that shows a certificate and asks for none. */
export const serverCredentials = (certificates: Certificates): ServerCredentials =>
  experimental.createCertificateProviderServerCredentials(certificates, null, false);

/** A server that demands a certificate issued by the current CA. grpc-js takes the identity first, then the CA. */
export const mutualServerCredentials = (certificates: Certificates): ServerCredentials =>
  experimental.createCertificateProviderServerCredentials(certificates, certificates, true);

const toIdentity = ({ key, chain }: KeyPair) => ({
  privateKey: Buffer.from(key),
  certificate: Buffer.from(chain),
});

const toCa = (pem: string) => (pem === '' ? null : { caCertificate: Buffer.from(pem) });
