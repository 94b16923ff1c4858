import type { Clock } from '../process/clock.ts';
import { Backpressure, type Readable } from './backpressure.ts';
import { BufferLedger } from './buffer-ledger.ts';
import { TokenBucket } from './token-bucket.ts';

/** What one identity may take of one data worker. */
export interface ShareLimits {
  readonly sessions: number;
  /** Sessions whose peer has not sent its SETTINGS yet. */
  readonly handshakes: number;
  readonly streams: number;
  /** CONNECTs that wait for an answer. */
  readonly unanswered: number;
  /** Streams that were reset before an answer, or without a byte of payload: at once, and then each second. */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  /** CONNECTs that were refused because the share is used up: at once, and then each second. */
  readonly refusalBurst: number;
  readonly refusalsPerSecond: number;
  /** Bytes that wait for the peer to read. */
  readonly unsentBytes: number;
  /** Bytes of the peer that wait for the application to read: from so many on, the longest stalled tunnels are reset. */
  readonly unreadBytes: number;
  /** And from so many on, nothing of the peer is read. */
  readonly maxUnreadBytes: number;
}

export const defaultLimits: ShareLimits = {
  sessions: 5000,
  handshakes: 100,
  streams: 5000,
  unanswered: 1000,
  resetBurst: 450,
  resetsPerSecond: 50,
  refusalBurst: 1000,
  refusalsPerSecond: 200,
  unsentBytes: 16 * 1024 * 1024,
  unreadBytes: 32 * 1024 * 1024,
  maxUnreadBytes: 36 * 1024 * 1024,
};

/** An identity that has used up its resets opens no session for this long. */
export const penaltyMillis = 5000;

/** Gives back what was taken, once. */
export type Release = () => void;

/** Which limit was reached: stable, as logs and answers carry it. */
export type ShareRefusal =
  'SESSIONS' | 'HANDSHAKES' | 'STREAMS' | 'UNANSWERED' | 'BUFFERED_BYTES' | 'RESETS' | 'REFUSALS';

type Counted = 'sessions' | 'handshakes' | 'streams' | 'unanswered';

const refusalOf: Readonly<Record<Counted, ShareRefusal>> = {
  sessions: 'SESSIONS',
  handshakes: 'HANDSHAKES',
  streams: 'STREAMS',
  unanswered: 'UNANSWERED',
};

/** What one identity has taken, over all its sessions. */
export class PeerShare {
  /** Bytes that wait for the peer, and for the application. */
  readonly unsent: BufferLedger;
  readonly unread: BufferLedger;
  /** Whether its sessions are read. */
  readonly backpressure = new Backpressure();
  readonly #clock: Clock;
  readonly #limits: ShareLimits;
  readonly #taken: Record<Counted, number> = { sessions: 0, handshakes: 0, streams: 0, unanswered: 0 };
  readonly #resets: TokenBucket;
  readonly #refusals: TokenBucket;
  #penaltyUntil = -Infinity;

  constructor(clock: Clock, limits: ShareLimits, onStallReset: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#resets = new TokenBucket(clock, limits.resetBurst, limits.resetsPerSecond);
    this.#refusals = new TokenBucket(clock, limits.refusalBurst, limits.refusalsPerSecond);
    this.unsent = new BufferLedger(clock, limits.unsentBytes, onStallReset);
    this.unread = new BufferLedger(clock, limits.unreadBytes, onStallReset, {
      bytes: limits.maxUnreadBytes,
      onChange: (overflowing) => this.backpressure.fill(overflowing),
    });
  }

  /** How long the identity still opens no session; 0 or less when it may. */
  get penaltyMillis(): number {
    return this.#penaltyUntil - this.#clock.monotonic();
  }

  /** Nothing is taken and nothing is remembered. */
  get idle(): boolean {
    const { sessions, handshakes, streams, unanswered } = this.#taken;
    const taken = sessions + handshakes + streams + unanswered;
    return taken === 0 && this.#resets.whole && this.#refusals.whole;
  }

  /** Why one more CONNECT would be refused now. */
  get refusal(): ShareRefusal | undefined {
    return this.#reached('streams') ?? this.#reached('unanswered');
  }

  /** One more of a kind, or the limit that is reached. */
  take(kind: Counted): Release | ShareRefusal {
    const reached = this.#reached(kind);
    if (reached !== undefined) return reached;
    this.#taken[kind]++;
    let held = true;
    return () => {
      if (held) this.#taken[kind]--;
      held = false;
    };
  }

  /** Counts resets; false when they were too many: the identity opens no session for a while. */
  reset(count = 1): boolean {
    if (this.#resets.take(count)) return true;
    this.#penaltyUntil = this.#clock.monotonic() + penaltyMillis;
    return false;
  }

  /** Counts a CONNECT that this share has refused; false when they were too many: its session takes no more. */
  refused(): boolean {
    return this.#refusals.take();
  }

  /** Bytes have come on a session for a tunnel whose application does not read now. */
  held(session: Readable, bytes: number): void {
    this.unread.grew(bytes);
    this.backpressure.came(session);
  }

  #reached(kind: Counted): ShareRefusal | undefined {
    if (this.#taken[kind] >= this.#limits[kind]) return refusalOf[kind];
    if (kind === 'unanswered' && (this.unsent.full || this.unread.full)) return 'BUFFERED_BYTES';
    return undefined;
  }
}

/** From how many identities on those are forgotten that have taken nothing. */
const sweepFrom = 1000;

/** The shares of all identities that have sessions with a data worker. */
export class PeerShares {
  readonly #clock: Clock;
  readonly #limits: ShareLimits;
  readonly #onStallReset: () => void;
  readonly #shares = new Map<string, PeerShare>();
  #sweepAt = sweepFrom;

  /** `onStallReset` is called for each tunnel that is reset because its identity's share of bytes is used up. */
  constructor(clock: Clock, limits: Partial<ShareLimits> = {}, onStallReset: () => void = () => undefined) {
    this.#clock = clock;
    this.#limits = { ...defaultLimits, ...limits };
    this.#onStallReset = onStallReset;
  }

  of(identity: string): PeerShare {
    const known = this.#shares.get(identity);
    if (known) return known;
    if (this.#shares.size >= this.#sweepAt) this.#sweep();
    const share = new PeerShare(this.#clock, this.#limits, this.#onStallReset);
    this.#shares.set(identity, share);
    return share;
  }

  get size(): number {
    return this.#shares.size;
  }

  #sweep(): void {
    for (const [identity, share] of this.#shares) if (share.idle) this.#shares.delete(identity);
    this.#sweepAt = Math.max(sweepFrom, this.#shares.size * 2);
  }
}
