import { X509Certificate } from 'node:crypto';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { renewAt } from '@isthmus/mesh/pki/rotation.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** One CreateCertificate: PEM, leaf first, the root last. */
  readonly request: (identity: string, csr: string) => Promise<readonly string[]>;
  readonly onCertificate: (credentials: Credentials) => void;
}

interface Entry {
  urgent: boolean;
  attempt: number;
  timer: Timer | undefined;
  state: 'queued' | 'fetching' | 'held';
}

const inFlight = 8;
const firstWait = 250;
const longestWait = 150_000;

/**
 * The certificates of the identities that this proxy serves: fetched, kept fresh from half of their life on, and
 * forgotten with the last workload. A valid one stays in use when its renewal fails. Keys stay in memory.
 */
export class CertificateManager {
  readonly #deps: Deps;
  readonly #entries = new Map<string, Entry>();
  #fetching = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Asked again and again for the same identity: it is fetched once. An urgent one goes before the others. */
  want(identity: string, urgent: boolean): void {
    const entry = this.#entries.get(identity);
    if (!entry) this.#entries.set(identity, { urgent, attempt: 0, timer: undefined, state: 'queued' });
    else entry.urgent ||= urgent;
    this.#pump();
  }

  forget(identity: string): void {
    this.#entries.get(identity)?.timer?.cancel();
    this.#entries.delete(identity);
  }

  #pump(): void {
    while (this.#fetching < inFlight) {
      const queued = [...this.#entries].filter(([, { state, timer }]) => state === 'queued' && !timer);
      const next = queued.find(([, { urgent }]) => urgent) ?? queued[0];
      if (!next) return;
      void this.#fetch(...next);
    }
  }

  async #fetch(identity: string, entry: Entry): Promise<void> {
    entry.state = 'fetching';
    this.#fetching++;
    try {
      const key = generateKey();
      const chain = await this.#deps.request(identity, createCsr(key, identity));
      const leaf = new X509Certificate(chain[0] ?? '');
      if (this.#entries.get(identity) !== entry) return;
      this.#deps.onCertificate({
        identity,
        key: privateKeyPem(key.privateKey),
        chain: chain.slice(0, -1).join(''),
      });
      this.#renewLater(entry, leaf);
    } catch (error) {
      this.#again(identity, entry, error);
    } finally {
      this.#fetching--;
      this.#pump();
    }
  }

  #renewLater(entry: Entry, leaf: X509Certificate): void {
    const { clock, random } = this.#deps;
    entry.attempt = 0;
    entry.state = 'held';
    const at = renewAt(Date.parse(leaf.validFrom), Date.parse(leaf.validTo), random.fraction());
    this.#later(entry, at - clock.now());
  }

  /** Doubling waits with a fifth of jitter, 150 s at most. */
  #again(identity: string, entry: Entry, error: unknown): void {
    const { random, log } = this.#deps;
    const wait = Math.min(longestWait, firstWait * 2 ** entry.attempt++) * (0.8 + 0.4 * random.fraction());
    log.warn(
      { identity, error: error instanceof Error ? error.message : String(error), wait: Math.round(wait) },
      'no certificate yet',
    );
    entry.state = 'queued';
    this.#later(entry, wait);
  }

  #later(entry: Entry, millis: number): void {
    entry.timer = this.#deps.clock.after(Math.max(0, Math.min(millis, 2 ** 31 - 1)), () => {
      entry.timer = undefined;
      entry.state = 'queued';
      this.#pump();
    });
  }
}
