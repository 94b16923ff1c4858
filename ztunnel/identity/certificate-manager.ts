import { status } from '@grpc/grpc-js';
import type { HeldCertificate } from '@isthmus/api/domain/proxy-report.ts';
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
  /** What `held` gives differs. */
  readonly onHeld?: () => void;
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
  /** How often in a row it was renewed because its issuer is not trusted, and when last, monotonic. */
  distrusted: { readonly times: number; readonly at: number };
  /** Such a renewal is under way for this chain. */
  renewing: string;
  /** As it is reported: once it is held, or its first request has failed. */
  reported: HeldCertificate | undefined;
}

const inFlight = 8;
const firstWait = 1000;
const longestWait = 150_000;
/** A service that says "not yet" is asked again sooner, at first: nothing was refused. */
const firstWaitUnavailable = 250;
const unavailable = 14;
/** "Not yet" ends when the cluster's intermediate is active: that must not be found out minutes later. */
const longestWaitUnavailable = 5000;
/**
 * A revoked issuer concerns every proxy of a cluster at once, so renewals are spread over a second. If the new
 * certificate is by an issuer that is not trusted either, the next attempt waits for 5 s, then twice as long each time.
 */
const spread = 1000;
const firstFloor = 5000;
/** After so long without one, renewals of this kind count from the beginning. */
const calm = 600_000;
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

  /**
   * The issuer of a chain that was given was revoked or is unknown: a new certificate is fetched at once, within a
   * second and the floor. The old one stays in use until then. Asked again for the same chain, nothing more happens.
   */
  renew(identity: string, chain: string): void {
    const { clock, random, log } = this.#deps;
    const entry = this.#entries.get(identity);
    if (entry?.credentials?.chain !== chain || entry.renewing === chain || entry.state === 'fetching') return;
    const now = clock.monotonic();
    const { times, at } = entry.distrusted;
    const again = times > 0 && now - at < calm ? times : 0;
    const floor = again === 0 ? 0 : at + Math.min(longestWait, firstFloor * 2 ** (again - 1)) - now;
    const wait = Math.max(0, floor) + spread * random.fraction();
    entry.renewing = chain;
    entry.distrusted = { times: again + 1, at: now + wait };
    log.info(
      { identity, wait: Math.round(wait) },
      'the issuer of this certificate is not trusted: renewing it',
    );
    entry.timer?.cancel();
    entry.timer = clock.after(wait, () => this.#queue(entry));
  }

  forget(identity: string): void {
    this.#entries.get(identity)?.timer?.cancel();
    if (this.#entries.delete(identity)) this.#deps.onHeld?.();
  }

  /** What is held for each identity, for reports. One that is still asked for the first time is not among them. */
  held(): ReadonlyMap<string, HeldCertificate> {
    return new Map(
      [...this.#entries].flatMap(([identity, { reported }]) => (reported ? [[identity, reported]] : [])),
    );
  }

  /** Whether there is any certificate that peers would take now. */
  holdsValid(): boolean {
    const now = this.#deps.clock.now();
    return [...this.#entries.values()].some(({ validTo }) => validTo > now);
  }

  /** End of each certificate that is held, epoch milliseconds, by identity. */
  expiries(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#entries].flatMap(([identity, { validTo }]) => (validTo > 0 ? [[identity, validTo]] : [])),
    );
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
      const { chain, validFrom, validTo, serial, issuerKeyId } = acceptChain(answer, identity, key.publicKey);
      if (this.#entries.get(identity) !== entry) return;
      const credentials = { identity, key: privateKeyPem(key.privateKey), chain };
      const { distrusted } = entry;
      const reported = { identity, serial, issuerKeyId, notAfter: validTo, problem: '' };
      const got = {
        urgent: false,
        state: 'held',
        validFrom,
        validTo,
        credentials,
        distrusted,
        reported,
      } as const;
      Object.assign(entry, { ...blank, ...got });
      this.#deps.onCertificate(credentials);
      this.#deps.onHeld?.();
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

  /** Doubling waits with a fifth of jitter, 150 s at most, and 5 s where the service says "not yet". */
  #again(identity: string, entry: Entry, error: unknown): void {
    const { clock, random, log } = this.#deps;
    const first = codeOf(error) === unavailable ? firstWaitUnavailable : firstWait;
    const longest = first === firstWait ? longestWait : longestWaitUnavailable;
    const wait = Math.min(longest, first * 2 ** entry.attempt++) * (0.8 + 0.4 * random.fraction());
    entry.problem = error instanceof Error ? error.message : String(error);
    entry.state = 'queued';
    log.warn({ identity, error: entry.problem, wait: Math.round(wait) }, 'no certificate yet');
    entry.reported = { ...(entry.reported ?? noneHeld(identity)), problem: problemOf(error) };
    this.#deps.onHeld?.();
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
  distrusted: { times: 0, at: 0 },
  renewing: '',
  reported: undefined,
};

const noneHeld = (identity: string): HeldCertificate => ({
  identity,
  serial: '',
  issuerKeyId: '',
  notAfter: 0,
  problem: '',
});

/** The gRPC status, or the code of our own error. */
function problemOf(error: unknown): string {
  const code = codeOf(error);
  if (typeof code === 'number') return status[code] ?? 'UNKNOWN';
  return typeof code === 'string' && /^[A-Z_]+$/.test(code) ? code : 'FAILED';
}

const iso = (millis: number): string => new Date(millis).toISOString();

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
