import type { Clock, Timer } from '../process/clock.ts';
import { RateLimit } from '../process/rate-limit.ts';

/** Limits of an acceptor for peers that are not authenticated yet. */
export interface HandshakeLimits {
  /** Handshakes in progress, over all addresses. */
  readonly inProgress: number;
  /** Handshakes in progress from one address. */
  readonly perAddress: number;
  /** Those of them whose TLS has begun, over all addresses: each takes 90 KB until it is over, where a socket takes 13. */
  readonly begun: number;
  /** From the moment the connection was accepted, milliseconds. */
  readonly timeoutMillis: number;
  /** Handshakes of one address that may fail after bytes came, at once and then each second. */
  readonly failuresPerSecond: number;
}

export const defaultHandshakeLimits: HandshakeLimits = {
  inProgress: 1024,
  perAddress: 512,
  begun: 384,
  timeoutMillis: 10_000,
  failuresPerSecond: 50,
};

/** A whole handshake and the session that follows cost three times what a handshake costs that fails. */
const wastedCosts = 3;

/** Which limit was reached: stable, as logs carry it. */
export type HandshakeCut =
  'HANDSHAKE_TIMEOUT' | 'HANDSHAKES_IN_PROGRESS' | 'HANDSHAKES_PER_ADDRESS' | 'HANDSHAKES_BEGUN';
export type HandshakeLimit = HandshakeCut | 'HANDSHAKES_FAILED';

/**
 * One handshake in progress. The first call counts and every later one does nothing; so does a call after it was cut,
 * but for a failure after its time was over.
 */
export interface Handshake {
  /** Its client hello has come and its TLS begins now. Does not count as the first call. */
  begun(): void;
  /** The peer is known, or the connection turned out to need no handshake: it leaves these limits for good. */
  succeeded(): void;
  /**
   * It came to nothing. `bytes` when the peer had sent any: that costs work and counts against its address. `silent`
   * otherwise: a load balancer that only looks whether the port is open is no attack.
   */
  failed(cause: 'bytes' | 'silent'): void;
}

export interface HandshakeCounts {
  /** Cut because a limit of those in progress was reached. */
  evicted: number;
  /** Cut because their time was over. */
  timedOut: number;
  /** Connections refused before a handshake because too many of their address had failed. */
  refused: number;
}

interface Entry {
  readonly address: string;
  readonly cut: (reason: HandshakeCut) => void;
  readonly timer: Timer;
}

/**
 * Limits before a peer is known. Every connection that must shake hands begins here and leaves when its handshake has
 * succeeded: nothing that follows is counted, since a gateway or a load balancer is one address for thousands of
 * clients. Where a limit is reached the oldest in progress gives way, because an honest handshake takes milliseconds:
 * the oldest is the least likely to finish. Memory is bounded by `inProgress` and by the names of a `RateLimit`; every
 * call takes constant time.
 */
export class Handshakes {
  readonly limits: HandshakeLimits;
  readonly counts: HandshakeCounts = { evicted: 0, timedOut: 0, refused: 0 };
  readonly #clock: Clock;
  readonly #failures: RateLimit;
  /** The oldest first. */
  readonly #entries = new Set<Entry>();
  /** The oldest first, for each address that has any. */
  readonly #byAddress = new Map<string, Set<Entry>>();
  /** Those whose TLS has begun, the first first. */
  readonly #begun = new Set<Entry>();

  constructor(clock: Clock, limits: Partial<HandshakeLimits> = {}) {
    this.limits = { ...defaultHandshakeLimits, ...limits };
    this.#clock = clock;
    this.#failures = new RateLimit(clock, this.limits.failuresPerSecond, this.limits.failuresPerSecond);
  }

  get inProgress(): number {
    return this.#entries.size;
  }

  /** Addresses of which something is kept. */
  get addresses(): number {
    return this.#byAddress.size + this.#failures.size;
  }

  /**
   * A connection was accepted and its handshake begins. `cut` is called, at most once, when it must end: the caller
   * destroys the connection. Undefined when too many handshakes of this address have failed: the caller destroys the
   * connection before it reads a byte.
   */
  begin(address: string, cut: (reason: HandshakeCut) => void): Handshake | undefined {
    if (!this.#failures.allows(address)) {
      this.counts.refused++;
      return undefined;
    }
    this.#makeRoom(address);
    let expired = false;
    const timer = this.#clock.after(this.limits.timeoutMillis, () => {
      expired = this.#remove(entry);
      if (expired) this.#cut(entry, 'HANDSHAKE_TIMEOUT');
    });
    const entry: Entry = { address, cut, timer };
    this.#add(entry);
    return {
      begun: () => this.#begin(entry),
      succeeded: () => void this.#remove(entry),
      failed: (cause) => {
        // One that gave way to another might have succeeded: many clients that come back at once are no attack.
        const counts = this.#remove(entry) || expired;
        expired = false;
        if (counts && cause === 'bytes') this.#failures.charge(address);
      },
    };
  }

  /**
   * A handshake of this address succeeded and was for nothing: its peer may open no session now, or has left one that it
   * had not used. Counts as three that failed.
   */
  wasted(address: string): void {
    this.#failures.charge(address, wastedCosts);
  }

  /** What happened and what to do, for people. */
  explain(reason: HandshakeLimit): string {
    const { inProgress, perAddress, begun, timeoutMillis, failuresPerSecond } = this.limits;
    switch (reason) {
      case 'HANDSHAKE_TIMEOUT':
        return `no handshake was completed within ${timeoutMillis} ms of the connection`;
      case 'HANDSHAKES_IN_PROGRESS':
        return `${inProgress} handshakes were in progress; the oldest was ended for a new one`;
      case 'HANDSHAKES_PER_ADDRESS':
        return `${perAddress} handshakes of this address were in progress; the oldest was ended for a new one`;
      case 'HANDSHAKES_BEGUN':
        return `${begun} handshakes had begun and were not finished; the first of them was ended for a new one`;
      case 'HANDSHAKES_FAILED':
        return (
          `more than ${failuresPerSecond} handshakes a second of this address have failed or were for nothing; its ` +
          'connections are refused until fewer are: look for the causes in the lines before'
        );
    }
  }

  #begin(entry: Entry): void {
    if (!this.#entries.has(entry) || this.#begun.has(entry)) return;
    if (this.#begun.size >= this.limits.begun) this.#evict(this.#begun, 'HANDSHAKES_BEGUN');
    this.#begun.add(entry);
  }

  #makeRoom(address: string): void {
    const own = this.#byAddress.get(address);
    const { perAddress, inProgress } = this.limits;
    if (own && own.size >= perAddress) this.#evict(own, 'HANDSHAKES_PER_ADDRESS');
    else if (this.#entries.size >= inProgress) this.#evict(this.#entries, 'HANDSHAKES_IN_PROGRESS');
  }

  #evict(among: ReadonlySet<Entry>, reason: HandshakeCut): void {
    const [oldest] = among;
    if (oldest && this.#remove(oldest)) this.#cut(oldest, reason);
  }

  #cut({ cut }: Entry, reason: HandshakeCut): void {
    if (reason === 'HANDSHAKE_TIMEOUT') this.counts.timedOut++;
    else this.counts.evicted++;
    cut(reason);
  }

  #add(entry: Entry): void {
    this.#entries.add(entry);
    const own = this.#byAddress.get(entry.address);
    if (own) own.add(entry);
    else this.#byAddress.set(entry.address, new Set([entry]));
  }

  /** False when it had ended before. */
  #remove(entry: Entry): boolean {
    if (!this.#entries.delete(entry)) return false;
    entry.timer.cancel();
    this.#begun.delete(entry);
    const own = this.#byAddress.get(entry.address);
    own?.delete(entry);
    if (own?.size === 0) this.#byAddress.delete(entry.address);
    return true;
  }
}
