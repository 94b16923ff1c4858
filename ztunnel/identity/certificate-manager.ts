import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { renewAt } from '@isthmus/mesh/pki/rotation.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { acceptChain } from './accept-chain.ts';

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** One CreateCertificate: PEM, leaf first, the root last. */
  readonly request: (identity: string, csr: string) => Promise<readonly string[]>;
  readonly onCertificate: (credentials: Credentials) => void;
  readonly onFailure: (identity: string, message: string) => void;
}

interface Entry {
  urgent: boolean;
  attempt: number;
  timer: Timer | undefined;
  state: 'queued' | 'fetching' | 'held';
  validFrom: number;
  validTo: number;
  problem: string;
  /** What was given last; a worker that had forgotten it may want it again. */
  credentials: Credentials | undefined;
}

const inFlight = 8;
const firstWait = 1000;
const longestWait = 150_000;
/** A service that says "not yet" is asked again sooner, at first: nothing was refused. */
const firstWaitUnavailable = 250;
const unavailable = 14;
/** Longest delay that a timer takes; a certificate of a year is looked at again on the way. */
const longestTimer = 2 ** 31 - 1;

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

  /**
   * Asked again and again for the same identity: it is fetched once. An urgent one goes before the others. A valid
   * one is given again, as not everybody who wants it heard of it.
   */
  want(identity: string, urgent: boolean): void {
    const entry = this.#entries.get(identity);
    if (entry?.credentials && entry.validTo > this.#deps.clock.now())
      return this.#deps.onCertificate(entry.credentials);
    if (entry) entry.urgent ||= urgent;
    else this.#entries.set(identity, { ...blank, urgent });
    this.#pump();
  }

  forget(identity: string): void {
    this.#entries.get(identity)?.timer?.cancel();
    this.#entries.delete(identity);
  }

  /** Whether there is any certificate that peers would take now. */
  holdsValid(): boolean {
    const now = this.#deps.clock.now();
    return [...this.#entries.values()].some(({ validTo }) => validTo > now);
  }

  /** For people; no key is in it. */
  list(): readonly object[] {
    return [...this.#entries].map(([identity, { state, validFrom, validTo, problem }]) => ({
      identity,
      state,
      ...(validTo > 0 && { validFrom: iso(validFrom), expirationTime: iso(validTo) }),
      ...(problem !== '' && { problem }),
    }));
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
      const answer = await this.#deps.request(identity, createCsr(key, identity));
      const { chain, validFrom, validTo } = acceptChain(answer, identity, key.publicKey);
      if (this.#entries.get(identity) !== entry) return;
      const credentials = { identity, key: privateKeyPem(key.privateKey), chain };
      Object.assign(entry, { ...blank, urgent: false, state: 'held', validFrom, validTo, credentials });
      this.#deps.onCertificate(credentials);
      this.#renewLater(entry);
    } catch (error) {
      if (this.#entries.get(identity) === entry) this.#again(identity, entry, error);
    } finally {
      this.#fetching--;
      this.#pump();
    }
  }

  #renewLater(entry: Entry): void {
    const { clock, random } = this.#deps;
    const wait = renewAt(entry.validFrom, entry.validTo, random.fraction()) - clock.now();
    entry.timer = clock.after(Math.max(0, Math.min(wait, longestTimer)), () => {
      if (wait > longestTimer) this.#renewLater(entry);
      else this.#queue(entry);
    });
  }

  /** Doubling waits with a fifth of jitter, 150 s at most. */
  #again(identity: string, entry: Entry, error: unknown): void {
    const { clock, random, log } = this.#deps;
    const first = codeOf(error) === unavailable ? firstWaitUnavailable : firstWait;
    const wait = Math.min(longestWait, first * 2 ** entry.attempt++) * (0.8 + 0.4 * random.fraction());
    entry.problem = error instanceof Error ? error.message : String(error);
    entry.state = 'queued';
    log.warn({ identity, error: entry.problem, wait: Math.round(wait) }, 'no certificate yet');
    this.#deps.onFailure(identity, entry.problem);
    entry.timer = clock.after(wait, () => this.#queue(entry));
  }

  #queue(entry: Entry): void {
    entry.timer = undefined;
    entry.state = 'queued';
    this.#pump();
  }
}

const blank: Readonly<Omit<Entry, 'urgent'>> = {
  attempt: 0,
  timer: undefined,
  state: 'queued',
  validFrom: 0,
  validTo: 0,
  problem: '',
  credentials: undefined,
};

const iso = (millis: number): string => new Date(millis).toISOString();

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
