import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

const patience = 5000;

/** A worker's certificates, which the control thread fetches; connections wait a while for one that is missing. */
export class CredentialStore {
  readonly #clock: Clock;
  readonly #want: (identity: string, urgent: boolean) => void;
  readonly #held = new Map<string, Credentials>();
  readonly #waiting = new Map<string, Set<(credentials: Credentials) => void>>();

  constructor(clock: Clock, want: (identity: string, urgent: boolean) => void) {
    this.#clock = clock;
    this.#want = want;
  }

  set(credentials: Credentials): void {
    this.#held.set(credentials.identity, credentials);
    for (const resolve of this.#waiting.get(credentials.identity) ?? []) resolve(credentials);
    this.#waiting.delete(credentials.identity);
  }

  has(identity: string): boolean {
    return this.#held.has(identity);
  }

  identities(): readonly string[] {
    return [...this.#held.keys()];
  }

  forget(identity: string): void {
    this.#held.delete(identity);
  }

  /** Rejects with NO_CERTIFICATE when none comes in time. */
  get(identity: string): Promise<Credentials> {
    const held = this.#held.get(identity);
    if (held) return Promise.resolve(held);
    this.#want(identity, true);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(identity) ?? new Set();
      this.#waiting.set(identity, waiting);
      const timer = this.#clock.after(patience, () => {
        waiting.delete(settle);
        reject(
          new CodedError(
            'NO_CERTIFICATE',
            `no certificate for ${identity} within ${patience} ms: is the control plane there, and is the identity on this node?`,
          ),
        );
      });
      const settle = (credentials: Credentials) => {
        timer.cancel();
        resolve(credentials);
      };
      waiting.add(settle);
    });
  }
}
