import { X509Certificate } from 'node:crypto';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import { authorityKeyId } from '@isthmus/mesh/pki/authority-key-id.ts';
import type { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { IndexMap } from '@isthmus/mesh/state/index-map.ts';
import { ProxyError } from '../proxy-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

const patience = 5000;

/** Certificates of this proxy, and until when they are valid, epoch milliseconds. */
export interface OwnCredentials extends Credentials {
  readonly notAfter: number;
}

interface Held {
  readonly credentials: OwnCredentials;
  readonly leaf: X509Certificate;
  /** The issuer's key, as the leaf names it; '' where it names none. */
  readonly issuer: string;
}

/** A worker's certificates, which the control thread fetches; connections wait a while for one that is missing. */
export class CredentialStore {
  readonly #clock: Clock;
  readonly #want: (identity: string, urgent: boolean) => void;
  readonly #held = new Map<string, Held>();
  /** Identities by the key of their issuer. */
  readonly #byIssuer = new IndexMap<string>();
  readonly #waiting = new Map<string, Set<(credentials: OwnCredentials) => void>>();
  /** Why the last request for an identity failed. */
  readonly #failures = new Map<string, string>();

  constructor(clock: Clock, want: (identity: string, urgent: boolean) => void) {
    this.#clock = clock;
    this.#want = want;
  }

  set({ identity, key, chain }: Credentials): void {
    const leaf = new X509Certificate(chain);
    const credentials = { identity, key, chain, notAfter: Date.parse(leaf.validTo) };
    const issuer = authorityKeyId(leaf) ?? '';
    this.#unlist(identity);
    this.#held.set(identity, { credentials, leaf, issuer });
    this.#byIssuer.add(issuer, identity);
    this.#failures.delete(identity);
    for (const resolve of this.#waiting.get(identity) ?? []) resolve(credentials);
    this.#waiting.delete(identity);
  }

  /** Those who wait go on waiting: it is asked for again. */
  failed(identity: string, message: string): void {
    this.#failures.set(identity, message);
  }

  has(identity: string): boolean {
    return this.#held.has(identity);
  }

  identities(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** Identities whose certificates one of these keys may have signed: leaves that name no issuer are among them. */
  issuedBy(issuers: ReadonlySet<string>): readonly string[] {
    return ['', ...issuers].flatMap((keyId) => this.#byIssuer.get(keyId));
  }

  /** Those of `identities` whose issuer was revoked, or is not in the table. */
  distrusted(table: IssuerTable, identities: Iterable<string>): readonly Credentials[] {
    return [...identities].flatMap((identity) => {
      const held = this.#held.get(identity);
      const issuer = held && table.match(held.leaf);
      return issuer && (!issuer.ok || issuer.value.revoked) ? [held.credentials] : [];
    });
  }

  forget(identity: string): void {
    this.#unlist(identity);
    this.#held.delete(identity);
    this.#failures.delete(identity);
  }

  /** Rejects with NO_CERTIFICATE when none comes in time, and with PEER_GONE when nobody waits for it any more. */
  get(identity: string, gone?: AbortSignal): Promise<OwnCredentials> {
    const held = this.#held.get(identity);
    if (held && held.credentials.notAfter > this.#clock.now()) return Promise.resolve(held.credentials);
    this.#want(identity, true);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(identity) ?? new Set();
      this.#waiting.set(identity, waiting);
      const giveUp = (why: CodedError) => {
        timer.cancel();
        gone?.removeEventListener('abort', leave);
        waiting.delete(settle);
        if (waiting.size === 0 && this.#waiting.get(identity) === waiting) this.#waiting.delete(identity);
        reject(why);
      };
      const leave = () => giveUp(new ProxyError('PEER_GONE', 'the peer has gone before a certificate came'));
      const timer = this.#clock.after(patience, () => giveUp(this.#missing(identity)));
      const settle = (credentials: OwnCredentials) => {
        timer.cancel();
        gone?.removeEventListener('abort', leave);
        resolve(credentials);
      };
      waiting.add(settle);
      gone?.addEventListener('abort', leave, { once: true });
      if (gone?.aborted) leave();
    });
  }

  #unlist(identity: string): void {
    const held = this.#held.get(identity);
    if (held) this.#byIssuer.delete(held.issuer, identity);
  }

  #missing(identity: string): CodedError {
    const why = this.#failures.get(identity) ?? 'the control plane has not answered';
    return new ProxyError(
      'NO_CERTIFICATE',
      `no valid certificate for ${identity} within ${patience} ms: ${why}`,
    );
  }
}
