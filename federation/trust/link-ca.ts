import { createHash, X509Certificate } from 'node:crypto';
import type { LinkCaRecord } from '@isthmus/api/domain/trust.ts';
import { HubError } from '../hub-error.ts';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import {
  certificatePem,
  day,
  issueLeaf,
  issueRoot,
  issueTlsServer,
  type Issuer,
} from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem, readPrivateKey } from '@isthmus/mesh/pki/key.ts';
import { seal, unseal, type KeyProvider } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { TrustTools } from './trust-domain.ts';

const purpose = 'link CA key';

/**
 * The CA of the link between hub and agents. It is not a root of any mesh: an intermediate must not be able to mint an
 * agent, nor an agent a workload.
 */
export class LinkCa {
  readonly #issuer: Issuer;
  readonly #hubId: string;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(issuer: Issuer, hubId: string, clock: Clock, random: Random) {
    this.#issuer = issuer;
    this.#hubId = hubId;
    this.#clock = clock;
    this.#random = random;
  }

  /** The CA of a record. Throws UNSEAL_FAILED when the sealing key is another one. */
  static open(
    { hubId, certificatePem: pem, sealedKey }: LinkCaRecord,
    provider: KeyProvider,
    clock: Clock,
    random: Random,
  ): LinkCa {
    const privateKey = readPrivateKey(unseal(sealedKey, purpose, provider));
    return new LinkCa({ certificate: new X509Certificate(pem), privateKey }, hubId, clock, random);
  }

  get certificate(): X509Certificate {
    return this.#issuer.certificate;
  }

  get hash(): string {
    return createHash('sha256').update(this.certificate.raw).digest('hex');
  }

  /**
   * An agent's certificate, 30 days, PEM, leaf first. Its subject names the membership: a cluster that was revoked and
   * joins again is not met by what it had before. Throws BAD_CSR.
   */
  issueAgent(cluster: string, membership: string, csr: string): string[] {
    const request = readCsr(csr);
    if (!request.ok) throw new HubError('BAD_CSR', `link request of ${cluster}: ${request.error}`);
    const id = `spiffe://link.${this.#hubId}/cluster/${cluster}`;
    const leaf = issueLeaf(
      id,
      request.value.publicKey,
      this.#issuer,
      { now: this.#clock.now(), lifetime: 30 * day, subject: membership },
      this.#random,
    );
    return [certificatePem(leaf)];
  }

  /** Key and chain of the hub's listeners; the CA is sent along, as a joining agent finds it there by its hash. */
  issueServer(hosts: readonly string[]): { key: string; chain: string } {
    const key = generateKey();
    const leaf = issueTlsServer(
      hosts,
      key.publicKey,
      this.#issuer,
      { now: this.#clock.now(), lifetime: 365 * day },
      this.#random,
    );
    return {
      key: privateKeyPem(key.privateKey),
      chain: certificatePem(leaf) + certificatePem(this.certificate),
    };
  }
}

/** A new CA: certificate in the clear, key sealed. */
export function mintLinkCa(hubId: string, { provider, random, now }: TrustTools): LinkCaRecord {
  const key = generateKey();
  const pem = certificatePem(issueRoot(`link ${hubId}`, key, { now }, random));
  const sealedKey = seal(privateKeyPem(key.privateKey), purpose, provider, random);
  return { kind: 'linkCa', hubId, certificatePem: pem, sealedKey };
}
