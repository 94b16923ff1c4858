import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { tlsOptions, type TlsPair } from '@isthmus/mesh/http/listener.ts';
import { day } from '@isthmus/mesh/pki/issue.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { HubError } from '../hub-error.ts';
import { finding, type Finding } from '../insights/finding.ts';

/** The files of the pair that the API is served by, PEM; the certificate first, then its intermediates. */
export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

interface Deps {
  readonly files: PairFiles;
  readonly clock: Clock;
  readonly log: Log;
}

/** A new pair that is not served. */
interface Refused {
  readonly why: string;
  /** A hub that starts would not start with it, and agents would have no link. */
  readonly preventsStart: boolean;
}

/** A listener with TLS. */
interface Renewable {
  setSecureContext(options: SecureContextOptions): void;
}

/** How often the files are read: a kubelet takes up to a minute to bring a Secret, and replaces what a watch would follow. */
export const lookMillis = 10_000;

/** So long before its end a certificate is reported, milliseconds. */
const warnBefore = 7 * day;

/**
 * The certificate of the API, from files that are read again and again. A new pair that cannot be served is not taken:
 * the one before stays, and a finding says why.
 */
export class ApiCertificate {
  readonly #deps: Deps;
  #pair: TlsPair;
  #refused: Refused | undefined;

  /**
   * Throws API_CERTIFICATE when the pair cannot be served: there is none before it. One that has expired is served, with a
   * finding: the links of a hub are not to wait for it.
   */
  constructor(deps: Deps) {
    this.#deps = deps;
    const read = readPair(deps.files);
    if (!read.ok) throw new HubError('API_CERTIFICATE', `--api-cert and --api-key: ${read.error}`);
    this.#pair = read.value;
  }

  get pair(): TlsPair {
    return this.#pair;
  }

  /** Serves each new pair by a listener, until the signal aborts. */
  follow(server: Renewable, signal: AbortSignal): void {
    const look = () => {
      if (signal.aborted) return;
      this.#look(server);
      timer = this.#deps.clock.after(lookMillis, look);
    };
    let timer = this.#deps.clock.after(lookMillis, look);
    signal.addEventListener('abort', () => timer.cancel(), { once: true });
  }

  /** What is wrong with the certificate. */
  findings(): readonly Finding[] {
    const { cert } = this.#deps.files;
    const refused = this.#refused ? [refusedFinding(this.#refused)] : [];
    const validTo = Date.parse(new X509Certificate(this.#pair.cert).validTo);
    const left = validTo - this.#deps.clock.now();
    if (left > warnBefore) return refused;
    const ending = finding(
      left > 0 ? 'WARNING' : 'ERROR',
      'API_CERTIFICATE_EXPIRES',
      { object: 'Hub' },
      `the certificate of the API ${left > 0 ? 'expires' : 'expired'} at ${new Date(validTo).toISOString()}`,
      `write a newer one to ${cert}, which the hub reads again by itself`,
    );
    return [...refused, ending];
  }

  #look(server: Renewable): void {
    const { files, clock, log } = this.#deps;
    const read = readPair(files);
    if (!read.ok) return this.#refuse({ why: read.error, preventsStart: true });
    const { key, cert } = read.value;
    if (key !== this.#pair.key || cert !== this.#pair.cert) {
      const { validTo, subjectAltName } = new X509Certificate(cert);
      if (Date.parse(validTo) <= clock.now())
        return this.#refuse({
          why: `the certificate in ${files.cert} expired on ${validTo}`,
          preventsStart: false,
        });
      server.setSecureContext(tlsOptions(read.value));
      this.#pair = read.value;
      log.info({ validTo, names: subjectAltName }, 'a new certificate of the API is served');
    }
    this.#refused = undefined;
  }

  #refuse(refused: Refused): void {
    if (refused.why !== this.#refused?.why)
      this.#deps.log.warn(
        { error: refused.why },
        'the new certificate of the API is not served, the one before is',
      );
    this.#refused = refused;
  }
}

const refusedFinding = ({ why, preventsStart }: Refused): Finding =>
  finding(
    preventsStart ? 'ERROR' : 'WARNING',
    'API_CERTIFICATE_REFUSED',
    { object: 'Hub' },
    `the new certificate of the API is not served, the one before is: ${why}`,
    `write a certificate and its key to the files of --api-cert and --api-key${preventsStart ? ' before the hub starts again, as it does not start with these' : ''}; the hub reads them every ${lookMillis / 1000} s`,
  );

/** The error never has anything of the key. */
function readPair({ cert: certFile, key: keyFile }: PairFiles): Result<TlsPair, string> {
  try {
    const pair = { cert: readText(certFile), key: readText(keyFile) };
    const leaf = leafOf(pair.cert);
    if (!leaf) return err(`${certFile} has no certificate in PEM`);
    const key = keyOf(pair.key);
    if (!key) return err(`${keyFile} has no private key in PEM that is not encrypted`);
    if (!leaf.checkPrivateKey(key))
      return err(`the key in ${keyFile} is not the one of the certificate in ${certFile}`);
    createSecureContext(tlsOptions(pair));
    return ok(pair);
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

function leafOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function keyOf(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
