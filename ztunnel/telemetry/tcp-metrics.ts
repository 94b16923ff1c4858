import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { ResponseFlags } from './response-flags.ts';
import {
  labelsOf,
  namelessLabels,
  tcpLabels,
  type Reporter,
  type TcpFacts,
  type TcpLabels,
} from './tcp-labels.ts';

/** What a worker counts under one label set: plain numbers that are copied at a scrape. */
export interface Counted {
  readonly labels: TcpLabels;
  opened: number;
  closed: number;
  failed: number;
  /** Bytes from client to server. */
  received: number;
  /** Bytes from server to client. */
  sent: number;
}

type Bytes = Pick<Counted, 'received' | 'sent'>;

interface Series {
  readonly counted: Counted;
  /** Connections that are counted here and have not ended. */
  live: number;
}

const nothing: Bytes = Object.freeze({ received: 0, sent: 0 });

/**
 * Istio's TCP counters of one worker. Names come from peers, so the number of label sets is bounded: the one that has
 * been idle longest gives way to a new one, and where none is idle the new one is counted without names.
 */
export class TcpMetrics {
  readonly #max: number;
  /** The longest unused first. */
  readonly #series = new Map<string, Series>();
  /** What is counted without names: a handful of label sets, which never give way. */
  readonly #nameless = new Map<string, Series>();
  readonly #live = new Set<() => void>();
  readonly #sockets = { source: 0, destination: 0 };
  #evicted = 0;

  constructor(max = 5000) {
    this.#max = max;
  }

  /** Label sets that gave way: their counts are gone, and begin at 0 when they come again. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Accepted sockets that are open now. */
  get sockets(): Readonly<Record<Reporter, number>> {
    return this.#sockets;
  }

  accepted(reporter: Reporter, { whenClosed }: Pick<ByteStream, 'whenClosed'>): void {
    this.#sockets[reporter]++;
    void whenClosed.then(() => this.#sockets[reporter]--);
  }

  /**
   * Counts one connection from here to the returned call, which says how it ended; its bytes show while it lives. As
   * upstream has it, it opens without flags and closes, and fails, with those of its end.
   */
  open(facts: TcpFacts, bytes: () => Bytes = () => nothing): (flags: ResponseFlags) => void {
    const series = this.#take(facts, '-');
    const { counted } = series;
    let shown = nothing;
    const show = () => {
      const { received, sent } = bytes();
      counted.received += received - shown.received;
      counted.sent += sent - shown.sent;
      shown = { received, sent };
    };
    series.live++;
    counted.opened++;
    this.#live.add(show);
    return (flags) => {
      if (!this.#live.delete(show)) return;
      show();
      series.live--;
      const end = flags === '-' ? counted : this.#take(facts, flags).counted;
      end.closed++;
      if (flags !== '-') end.failed++;
    };
  }

  /** Up to this moment. */
  all(): readonly Counted[] {
    for (const show of this.#live) show();
    return [...this.#series.values(), ...this.#nameless.values()].map(({ counted }) => counted);
  }

  #take(facts: TcpFacts, flags: ResponseFlags): Series {
    const labels = labelsOf(facts, flags);
    const key = keyOf(labels);
    if (this.#series.has(key) || this.#series.size < this.#max || this.#evict())
      return touch(this.#series, key, labels);
    const nameless = namelessLabels(facts, flags);
    return touch(this.#nameless, keyOf(nameless), nameless);
  }

  #evict(): boolean {
    for (const [key, { live }] of this.#series)
      if (live === 0) {
        this.#evicted++;
        return this.#series.delete(key);
      }
    return false;
  }
}

const keyOf = (labels: TcpLabels): string => tcpLabels.map((name) => labels[name]).join('|');

/** The series of a label set, which becomes the one that was used last. */
function touch(among: Map<string, Series>, key: string, labels: TcpLabels): Series {
  const counted = { labels, opened: 0, closed: 0, failed: 0, ...nothing };
  const series = among.get(key) ?? { counted, live: 0 };
  among.delete(key);
  among.set(key, series);
  return series;
}
