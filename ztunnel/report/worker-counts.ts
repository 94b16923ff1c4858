import type { ConnectResult, DestinationLoad } from '@isthmus/api/domain/proxy-report.ts';

/** What one data worker says: its open connections now, and the counts that differ since it said them last. */
export interface WorkerFacts {
  readonly open: number;
  readonly connects: readonly ConnectResult[];
  readonly destinations: readonly DestinationLoad[];
  readonly leftOut: number;
}

interface Counts {
  open: number;
  leftOut: number;
  readonly connects: Map<string, ConnectResult>;
  readonly destinations: Map<string, DestinationLoad>;
}

/** The counts of all data workers of a proxy as one. Bounded by what each worker counts. */
export class WorkerCounts {
  readonly #workers = new Map<number, Counts>();
  readonly #connects = new Map<string, ConnectResult>();
  readonly #destinations = new Map<string, DestinationLoad>();

  heard(worker: number, { open, connects, destinations, leftOut }: WorkerFacts): void {
    const counts: Counts = this.#workers.get(worker) ?? {
      open: 0,
      leftOut: 0,
      connects: new Map(),
      destinations: new Map(),
    };
    this.#workers.set(worker, counts);
    counts.open = open;
    counts.leftOut = leftOut;
    for (const one of connects) {
      const key = `${one.kind} ${one.place.address} ${one.place.port}`;
      counts.connects.set(key, one);
      this.#connects.set(key, this.#all((of) => of.connects.get(key)).reduce(addConnects));
    }
    for (const one of destinations) {
      counts.destinations.set(one.service, one);
      this.#destinations.set(
        one.service,
        this.#all((of) => of.destinations.get(one.service)).reduce(addLoads),
      );
    }
  }

  get open(): number {
    return sum(this.#all(({ open }) => open));
  }

  get leftOut(): number {
    return sum(this.#all(({ leftOut }) => leftOut));
  }

  /** By kind, address and port. */
  get connects(): ReadonlyMap<string, ConnectResult> {
    return this.#connects;
  }

  /** By service. */
  get destinations(): ReadonlyMap<string, DestinationLoad> {
    return this.#destinations;
  }

  #all<T>(of: (counts: Counts) => T | undefined): readonly T[] {
    return [...this.#workers.values()].flatMap((counts) => of(counts) ?? []);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const addConnects = (one: ConnectResult, other: ConnectResult): ConnectResult => ({
  ...one,
  connected: one.connected + other.connected,
  unreached: one.unreached + other.unreached,
  untrusted: one.untrusted + other.untrusted,
  refused: one.refused + other.refused,
  silent: one.silent + other.silent,
  lastFailureAt: Math.max(one.lastFailureAt, other.lastFailureAt),
});

const addLoads = (one: DestinationLoad, other: DestinationLoad): DestinationLoad => ({
  ...one,
  requests: one.requests + other.requests,
  failures: one.failures + other.failures,
  inFlight: one.inFlight + other.inFlight,
});
