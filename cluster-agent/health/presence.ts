/** How much is known of a proxy's stream. */
export type Contact =
  /** It has a stream. */
  | 'CONNECTED'
  /** It lost its stream less than 5 s ago: what was last known of it holds. */
  | 'HELD'
  /** The agent itself, or its network, may be the cause: what was last known holds for 30 s, and is marked so. */
  | 'STALE'
  | 'AWAY';

/** A lost stream counts after this long: a proxy that is restarted is back within it. */
export const lossMillis = 5000;

/** How long the last values hold when the cause may be the agent: after its start, or after a loss of many streams. */
export const staleMillis = 30_000;

/** Losses within this long of one another are one event. */
const togetherMillis = 1000;

/** So many proxies that go at once did not fail one by one. */
const many = 3;

interface Hold {
  readonly until: number;
  readonly stale: boolean;
}

/**
 * Which proxies are connected, with a memory, so that an agent that restarts or is cut off declares nobody dead. It has
 * no clock: every call says what time it is, in monotonic milliseconds.
 */
export class Presence<Proxy extends string> {
  readonly #open = new Set<Proxy>();
  readonly #holds = new Map<Proxy, Hold>();
  /** Of the last second, oldest first. */
  #losses: { readonly proxy: Proxy; readonly at: number }[] = [];

  /** The agent has started: proxies that were well before are taken to be so until they had time to come back. */
  started(proxies: Iterable<Proxy>, now: number): void {
    for (const proxy of proxies) this.#hold(proxy, now + staleMillis, true);
  }

  /** The proxy has a stream. What was held of it stays held meanwhile, as it has acknowledged nothing yet. */
  opened(proxy: Proxy): void {
    this.#open.add(proxy);
  }

  /**
   * The stream of a proxy has ended, or the replica of the agent that has it cannot be heard. Returns the proxies whose hold
   * has begun or is longer now.
   */
  lost(proxy: Proxy, now: number, isReplicaLost = false): Iterable<Proxy> {
    if (!this.#open.delete(proxy)) return [];
    if (isReplicaLost) {
      this.#hold(proxy, now + staleMillis, true);
      return [proxy];
    }
    this.#hold(proxy, now + lossMillis, false);
    this.#losses = [...this.#losses.filter(({ at }) => at > now - togetherMillis), { proxy, at: now }];
    const together = new Set(this.#losses.map((one) => one.proxy));
    if (together.size < many && this.#open.size > 0) return [proxy];
    for (const one of this.#losses) this.#hold(one.proxy, one.at + staleMillis, true);
    return together;
  }

  contact(proxy: Proxy, now: number): Contact {
    if (this.#open.has(proxy)) return 'CONNECTED';
    return this.held(proxy, now) ?? 'AWAY';
  }

  /** Whether what was last known of a proxy holds, also while it is back and has yet to prove itself. */
  held(proxy: Proxy, now: number): 'HELD' | 'STALE' | undefined {
    const hold = this.#holds.get(proxy);
    if (!hold || hold.until <= now) return undefined;
    return hold.stale ? 'STALE' : 'HELD';
  }

  /** When the next hold ends, monotonic, which may be in the past; Infinity when there is no hold. */
  get nextEnd(): number {
    let next = Infinity;
    for (const { until } of this.#holds.values()) next = Math.min(next, until);
    return next;
  }

  /** Removes holds that have ended, and yields their proxies. */
  *ended(now: number): Iterable<Proxy> {
    for (const [proxy, { until }] of this.#holds)
      if (until <= now) {
        this.#holds.delete(proxy);
        yield proxy;
      }
  }

  #hold(proxy: Proxy, until: number, stale: boolean): void {
    const before = this.#holds.get(proxy);
    if (!before || before.until < until) this.#holds.set(proxy, { until, stale });
  }
}
