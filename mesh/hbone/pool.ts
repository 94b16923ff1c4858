import type { ClientSession } from '../http2/session.ts';
import type { Peer } from '../identity/judge.ts';
import type { Clock, Timer } from '../process/clock.ts';

/** A session and who is at its other end. */
export interface Pooled {
  readonly session: ClientSession;
  readonly peer: Peer;
}

interface Entry extends Pooled {
  idle: Timer | undefined;
}

/** Streams that one session carries before another is dialled, whatever the peer allows. */
const mostStreams = 100;
const idleMillis = 5 * 60_000;

/** All that must be equal for two connections to share a session. */
export interface PoolKey {
  readonly source: string;
  readonly sourceAddress: string;
  readonly expect: readonly string[];
  readonly address: string;
  readonly port: number;
  /** Sessions judged by an older table of issuers are not shared with newer connections. */
  readonly trustRevision: number;
}

/** Tunnels to gateways and workloads, shared by connections of one source identity to one place. */
export class TunnelPool {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry[]>();
  readonly #dialling = new Map<string, Promise<Pooled>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A session with room, or a new one; callers that come while one is dialled wait for that dial. */
  async take(key: PoolKey, dial: () => Promise<Pooled>): Promise<Pooled> {
    const name = nameOf(key);
    for (;;) {
      const free = this.#entries.get(name)?.find(hasRoom);
      if (free) return free;
      const dialling = this.#dialling.get(name);
      if (!dialling) return this.#dial(name, dial);
      const pooled = await dialling;
      if (hasRoom(pooled)) return pooled;
    }
  }

  /** Ends every session whose peer the predicate picks, streams and all. */
  closeWhere(picked: (peer: Peer) => boolean): number {
    const ended = [...this.#entries.values()].flat().filter(({ peer }) => picked(peer));
    for (const { session } of ended) session.destroy();
    return ended.length;
  }

  get size(): number {
    return [...this.#entries.values()].reduce((sum, entries) => sum + entries.length, 0);
  }

  /** Lets sessions end after their last stream; new connections dial. */
  drain(): void {
    for (const { session } of [...this.#entries.values()].flat()) session.close();
    this.#entries.clear();
  }

  async #dial(name: string, dial: () => Promise<Pooled>): Promise<Pooled> {
    const dialling = dial();
    this.#dialling.set(name, dialling);
    try {
      const pooled = await dialling;
      this.#add(name, pooled);
      return pooled;
    } finally {
      this.#dialling.delete(name);
    }
  }

  #add(name: string, { session, peer }: Pooled): void {
    const entry: Entry = { session, peer, idle: undefined };
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), entry]);
    session.onClose(() => this.#remove(name, entry));
    this.#watchIdle(name, entry);
  }

  /** Looks again every five minutes: a session that carries nothing at two looks in a row is let go. */
  #watchIdle(name: string, entry: Entry): void {
    entry.idle = this.#clock.after(idleMillis, () => {
      if (entry.session.activeStreams > 0) return this.#watchIdle(name, entry);
      this.#remove(name, entry);
      entry.session.close();
    });
  }

  #remove(name: string, entry: Entry): void {
    entry.idle?.cancel();
    const rest = (this.#entries.get(name) ?? []).filter((other) => other !== entry);
    if (rest.length > 0) this.#entries.set(name, rest);
    else this.#entries.delete(name);
  }
}

const hasRoom = ({ session }: Pooled): boolean =>
  session.usable && session.activeStreams < Math.min(mostStreams, session.maxStreams);

const nameOf = (key: PoolKey): string =>
  [key.source, key.sourceAddress, key.expect.join(','), key.address, key.port, key.trustRevision].join('|');
