import type { experimental } from '@grpc/grpc-js';

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
  readonly #listeners = new Set<() => void>();
  #current: KeyPair;
  #currentCa: string;

  /** `ca`: PEM of the roots that peers are verified against; '' when none are. */
  constructor(identity: KeyPair, ca = '') {
    this.#current = identity;
    this.#currentCa = ca;
  }

  get identity(): KeyPair {
    return this.#current;
  }

  /** PEM of the roots that peers are verified against; '' when none are. */
  get ca(): string {
    return this.#currentCa;
  }

  setIdentity(identity: KeyPair): void {
    this.#current = identity;
    for (const listener of this.#identity) listener(toIdentity(identity));
    for (const listener of this.#listeners) listener();
  }

  setCa(pem: string): void {
    this.#currentCa = pem;
    for (const listener of this.#ca) listener(toCa(pem));
    for (const listener of this.#listeners) listener();
  }

  /** Calls the listener after each replacement; gives the function that stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Listeners hear of what there is on the next tick: grpc-js is not ready for it while it adds them. */
  addCaCertificateListener(listener: CaListener): void {
    this.#ca.add(listener);
    process.nextTick(() => listener(toCa(this.#currentCa)));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#ca.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identity.add(listener);
    process.nextTick(() => listener(toIdentity(this.#current)));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identity.delete(listener);
  }
}

const toIdentity = ({ key, chain }: KeyPair) => ({
  privateKey: Buffer.from(key),
  certificate: Buffer.from(chain),
});

const toCa = (pem: string) => (pem === '' ? null : { caCertificate: Buffer.from(pem) });
