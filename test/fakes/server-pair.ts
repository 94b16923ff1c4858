import { certificatePem, day, issueRoot, issueTlsServer, type Issuer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

/** A CA as an organisation has one, for certificates of servers. */
export class ServerCa {
  readonly #issuer: Issuer;

  constructor(now = Date.now()) {
    const key = generateKey();
    const certificate = issueRoot('servers', key, { now: now - 2 * day }, systemRandom);
    this.#issuer = { certificate, privateKey: key.privateKey };
  }

  get pem(): string {
    return certificatePem(this.#issuer.certificate);
  }

  /** PEM. `now`: from when on it is valid for a day, epoch milliseconds. */
  issue(hosts: readonly string[], now = Date.now()): { readonly key: string; readonly cert: string } {
    const key = generateKey();
    const leaf = issueTlsServer(hosts, key.publicKey, this.#issuer, { now, lifetime: day }, systemRandom);
    return { key: privateKeyPem(key.privateKey), cert: certificatePem(leaf) };
  }
}
