import type { ClientSession } from '../http2/session.ts';
import { expectedKey, type ExpectedNames } from '../identity/expected-names.ts';
import type { Peer } from '../identity/judge.ts';
import type { SpiffeId } from '../identity/spiffe-id.ts';
import type { Clock, Timer } from '../process/clock.ts';
import { MeshError } from '../process/mesh-error.ts';
import type { WorkloadUid } from '../records/workload.ts';
import { ConnectRefused, openTunnel, type Tunnel, type TunnelRequest } from './tunnel.ts';

/** A session and who is at its other end. */
export interface Pooled {
  readonly session: ClientSession;
  readonly peer: Peer;
  /** Epoch milliseconds: when the first certificate of the two ends runs out. Nothing new begins on it from then on. */
  readonly until: number;
}

interface Entry extends Pooled {
  readonly name: string;
  idle: Timer | undefined;
  /** Carries on what it carries, and takes nothing new. */
  retired: boolean;
}

/** Streams that one session carries before another is dialled, whatever the peer allows. */
const maxStreams = 100;
const idleMillis = 5 * 60_000;
/** A session that leaves a CONNECT unanswered for so long is not given to others: it may be dead without knowing it. */
const silentMillis = 1000;

/** All that must be equal for two connections to share a session. */
export interface PoolKey {
  readonly source: SpiffeId;
  /** The pod that dials, and from where: another one may have its name or its address after it. */
  readonly pod: WorkloadUid;
  readonly sourceAddress: string;
  readonly expect: ExpectedNames;
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
}

/**
 * Tunnels to gateways and workloads, shared by connections of one source identity to one place. What changes in the trust
 * of others leaves them alone: `endIssuedBy` ends those that it concerns.
 */
export class TunnelPool {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry[]>();
  /** By the key of the issuer of the peer's certificate. */
  readonly #byIssuer = new Map<string, Set<Entry>>();
  readonly #dialling = new Map<string, Promise<void>>();
  #size = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A tunnel on a session with room, or on a new one; callers that come while one is dialled wait for that dial. A
   * CONNECT that was lost with its session is asked once more on another: nothing of it was answered. Throws what
   * `dial` and `openTunnel` throw, and SESSION_FULL when a new session has no room at all.
   */
  async open(
    key: PoolKey,
    dial: () => Promise<Pooled>,
    request: TunnelRequest,
    signal: AbortSignal,
  ): Promise<{ readonly tunnel: Tunnel; readonly peer: Peer }> {
    const name = nameOf(key);
    for (let lost = false; ;) {
      signal.throwIfAborted();
      const now = this.#clock.now();
      const entry = this.#entries.get(name)?.find((one) => now < one.until && hasRoom(one));
      if (!entry) {
        await (this.#dialling.get(name) ?? this.#dial(name, dial));
        continue;
      }
      const asked = this.#clock.monotonic();
      try {
        // The stream counts before another request can look for room: nothing is awaited in between.
        return { tunnel: await openTunnel(entry.session, request, signal), peer: entry.peer };
      } catch (error) {
        if (error instanceof ConnectRefused) throw error;
        if (signal.aborted && this.#clock.monotonic() - asked >= silentMillis) retire(entry);
        if (lost || entry.session.usable || signal.aborted) throw error;
        lost = true;
      }
    }
  }

  /** Ends, streams and all, those sessions whose peer's certificate that key has signed and that are refused now. */
  endIssuedBy(keyId: string, isRefused: (peer: Peer) => boolean): number {
    const ended = [...(this.#byIssuer.get(keyId) ?? [])].filter(({ peer }) => isRefused(peer));
    for (const entry of ended) {
      this.#remove(entry);
      entry.session.destroy();
    }
    return ended.length;
  }

  get size(): number {
    return this.#size;
  }

  /** Lets sessions end after their last stream; new connections dial. */
  drain(): void {
    for (const entry of this.#all()) retire(entry);
  }

  #all(): readonly Entry[] {
    return [...this.#entries.values()].flat();
  }

  #dial(name: string, dial: () => Promise<Pooled>): Promise<void> {
    const dialling = dial()
      .then((pooled) => this.#add(name, pooled))
      .finally(() => this.#dialling.delete(name));
    this.#dialling.set(name, dialling);
    return dialling;
  }

  #add(name: string, pooled: Pooled): void {
    const { session, peer } = pooled;
    const entry: Entry = { ...pooled, name, idle: undefined, retired: false };
    if (!hasRoom(entry)) {
      session.destroy();
      throw new MeshError('SESSION_FULL', 'the peer accepted a session and allows no stream on it');
    }
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), entry]);
    const issued = this.#byIssuer.get(peer.issuerKeyId) ?? new Set();
    this.#byIssuer.set(peer.issuerKeyId, issued.add(entry));
    this.#size++;
    session.onClose(() => this.#remove(entry));
    this.#watchIdle(entry);
  }

  /** Looked at every five minutes: a session that carries nothing then is let go. */
  #watchIdle(entry: Entry): void {
    entry.idle = this.#clock.after(idleMillis, () =>
      entry.session.activeStreams > 0 ? this.#watchIdle(entry) : retire(entry),
    );
  }

  #remove(entry: Entry): void {
    const { name, peer } = entry;
    entry.idle?.cancel();
    const issued = this.#byIssuer.get(peer.issuerKeyId);
    if (!issued?.delete(entry)) return;
    if (issued.size === 0) this.#byIssuer.delete(peer.issuerKeyId);
    this.#size--;
    const rest = (this.#entries.get(name) ?? []).filter((other) => other !== entry);
    if (rest.length > 0) this.#entries.set(name, rest);
    else this.#entries.delete(name);
  }
}

/** It stays in the pool until it has closed, so that it is found when its peer is revoked. */
function retire(entry: Entry): void {
  entry.retired = true;
  entry.session.close();
}

const hasRoom = ({ session, retired }: Entry): boolean =>
  !retired && session.usable && session.activeStreams < Math.min(maxStreams, session.maxStreams);

const nameOf = ({ source, pod, sourceAddress, expect, cluster, address, port }: PoolKey): string =>
  [source, pod, sourceAddress, expectedKey(expect), cluster, address, port].join('|');
