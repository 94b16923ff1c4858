import type { ClientSession } from '../http2/session.ts';
import { expectedKey, type ExpectedNames } from '../identity/expected-names.ts';
import type { Peer } from '../identity/judge.ts';
import type { Clock, Timer } from '../process/clock.ts';
import { MeshError } from '../process/mesh-error.ts';
import { ConnectRefused, openTunnel, type Tunnel, type TunnelRequest } from './tunnel.ts';

/** A session and who is at its other end. */
export interface Pooled {
  readonly session: ClientSession;
  readonly peer: Peer;
}

interface Entry extends Pooled {
  idle: Timer | undefined;
  /** Carries on what it carries, and takes nothing new. */
  retired: boolean;
}

/** Streams that one session carries before another is dialled, whatever the peer allows. */
const mostStreams = 100;
const idleMillis = 5 * 60_000;
/** A session that leaves a CONNECT unanswered for so long is not given to others: it may be dead without knowing it. */
const silentMillis = 1000;

/** All that must be equal for two connections to share a session. */
export interface PoolKey {
  readonly source: string;
  readonly sourceAddress: string;
  readonly expect: ExpectedNames;
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
  /** Sessions judged by an older table of issuers are not shared with newer connections. */
  readonly trustRevision: number;
}

/** Tunnels to gateways and workloads, shared by connections of one source identity to one place. */
export class TunnelPool {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry[]>();
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
      const entry = this.#entries.get(name)?.find(hasRoom);
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

  /** Ends every session whose peer the predicate picks, streams and all. */
  closeWhere(picked: (peer: Peer) => boolean): number {
    const ended = [...this.#entries].flatMap(([name, entries]) =>
      entries.filter(({ peer }) => picked(peer)).map((entry) => ({ name, entry })),
    );
    for (const { name, entry } of ended) {
      this.#remove(name, entry);
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

  #add(name: string, { session, peer }: Pooled): void {
    const entry: Entry = { session, peer, idle: undefined, retired: false };
    if (!hasRoom(entry)) {
      session.destroy();
      throw new MeshError('SESSION_FULL', 'the peer accepted a session and allows no stream on it');
    }
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), entry]);
    this.#size++;
    session.onClose(() => this.#remove(name, entry));
    this.#watchIdle(entry);
  }

  /** Looked at every five minutes: a session that carries nothing then is let go. */
  #watchIdle(entry: Entry): void {
    entry.idle = this.#clock.after(idleMillis, () =>
      entry.session.activeStreams > 0 ? this.#watchIdle(entry) : retire(entry),
    );
  }

  #remove(name: string, entry: Entry): void {
    entry.idle?.cancel();
    const entries = this.#entries.get(name) ?? [];
    const rest = entries.filter((other) => other !== entry);
    this.#size -= entries.length - rest.length;
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
  !retired && session.usable && session.activeStreams < Math.min(mostStreams, session.maxStreams);

const nameOf = (key: PoolKey): string =>
  [
    key.source,
    key.sourceAddress,
    expectedKey(key.expect),
    key.cluster,
    key.address,
    key.port,
    key.trustRevision,
  ].join('|');
