import { X509Certificate } from 'node:crypto';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { ProxyError } from '../proxy-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

const patience = 5000;

interface Held {
  readonly credentials: Credentials;
  readonly leaf: X509Certificate;
  readonly validTo: number;
}

/** A worker's certificates, which the control thread fetches; connections wait a while for one that is missing. */
export class CredentialStore {
  readonly #clock: Clock;
  readonly #want: (identity: string, urgent: boolean) => void;
  readonly #held = new Map<string, Held>();
  readonly #waiting = new Map<string, Set<(credentials: Credentials) => void>>();
  /** Why the last request for an identity failed. */
  readonly #failures = new Map<string, string>();

  constructor(clock: Clock, want: (identity: string, urgent: boolean) => void) {
    this.#clock = clock;
    this.#want = want;
  }

  set({ identity, key, chain }: Credentials): void {
    const credentials = { identity, key, chain };
    const leaf = new X509Certificate(chain);
    this.#held.set(identity, { credentials, leaf, validTo: Date.parse(leaf.validTo) });
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

  /** Those whose issuer was revoked, or is none that the table knows. */
  distrusted(table: IssuerTable): readonly Credentials[] {
    return [...this.#held.values()]
      .filter(({ leaf }) => {
        const issuer = table.match(leaf);
        return !issuer.ok || issuer.value.revoked;
      })
      .map(({ credentials }) => credentials);
  }

  forget(identity: string): void {
    this.#held.delete(identity);
    this.#failures.delete(identity);
  }

  /** Rejects with NO_CERTIFICATE when none comes in time, and with PEER_GONE when nobody waits for it any more. */
  get(identity: string, gone?: AbortSignal): Promise<Credentials> {
    const held = this.#held.get(identity);
    if (held && held.validTo > this.#clock.now()) return Promise.resolve(held.credentials);
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
      const settle = (credentials: Credentials) => {
        timer.cancel();
        gone?.removeEventListener('abort', leave);
        resolve(credentials);
      };
      waiting.add(settle);
      gone?.addEventListener('abort', leave, { once: true });
      if (gone?.aborted) leave();
    });
  }

  #missing(identity: string): CodedError {
    const why = this.#failures.get(identity) ?? 'the control plane has not answered';
    return new ProxyError(
      'NO_CERTIFICATE',
      `no valid certificate for ${identity} within ${patience} ms: ${why}`,
    );
  }
}
