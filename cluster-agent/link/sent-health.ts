import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { HealthSource } from '../publish/health-source.ts';

/** The hub gets all counts at least this often, milliseconds: it takes then what it had no room for. */
const wholeEvery = 60_000;
/** Most services that are kept as changed; when more are, the next report has all. */
const maxTouched = 1_000;

type Counts = Pick<HealthReport, 'services' | 'partial' | 'changes'>;

/**
 * Makes the health reports of one stream. The first has the counts of all services; later ones have those that have
 * changed since the report that the hub has acknowledged, if it takes changes, and none when nothing has. One that the hub
 * refuses is followed by one with all.
 */
export class SentHealth {
  readonly #source: HealthSource;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  #sequence = 0;
  /** The newest report that the hub has acknowledged; undefined: the next one has all counts. */
  #base: number | undefined;
  /** The first report with all counts since there was no base. An answer to an earlier one says nothing any more. */
  #wholeFrom: number | undefined;
  /** Monotonic. */
  #wholeAt = 0;
  #takesChanges = false;
  /** Services that differ from the base, each with the report that is the first to have it, in the order of those. */
  readonly #touched = new Map<ServiceKey, number>();

  constructor(source: HealthSource, clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#source = source;
    this.#clock = clock;
  }

  /** The counts of these services are others now; undefined: those of any. */
  touch(services: Iterable<ServiceKey> | undefined): void {
    if (!services) return this.#forget();
    // Until all counts are sent there is nothing from which they could differ.
    if (this.#wholeFrom === undefined) return;
    for (const service of services) {
      this.#touched.delete(service);
      this.#touched.set(service, this.#sequence + 1);
    }
    if (this.#touched.size > maxTouched) this.#forget();
  }

  next(): HealthReport {
    const sequence = ++this.#sequence;
    const { pulse } = this.#source;
    return { sequence, sentAt: this.#clock.now(), ...pulse, ...this.#counts(sequence), unreadable: [] };
  }

  /** True when the next report should be sent at once. */
  hear({ sequence, takesChanges, isRefused }: HealthAnswer): boolean {
    this.#takesChanges = takesChanges;
    if (this.#wholeFrom === undefined || sequence < this.#wholeFrom || sequence > this.#sequence)
      return false;
    if (!isRefused) this.#acknowledged(sequence);
    // Without a base it has refused all counts: they are repeated no faster than with each heartbeat.
    else if (this.#base !== undefined) {
      this.#forget();
      return true;
    }
    return false;
  }

  #counts(sequence: number): Counts {
    if (!this.#source.isListed) {
      // Another replica of the agent may count meanwhile.
      this.#forget();
      return partial;
    }
    const now = this.#clock.monotonic();
    if (this.#base !== undefined && now - this.#wholeAt < wholeEvery) {
      if (this.#touched.size === 0) return partial;
      if (this.#takesChanges) return this.#changes(this.#base);
    }
    this.#wholeFrom ??= sequence;
    this.#wholeAt = now;
    return { services: this.#source.all() };
  }

  #changes(base: number): Counts {
    const touched = [...this.#touched.keys()].map((service) => [service, this.#source.of(service)] as const);
    return {
      services: touched.flatMap(([, health]) => health ?? []),
      changes: { base, removed: touched.flatMap(([service, health]) => (health ? [] : [service])) },
    };
  }

  #acknowledged(sequence: number): void {
    this.#base = Math.max(this.#base ?? 0, sequence);
    for (const [service, first] of this.#touched) {
      if (first > sequence) return;
      this.#touched.delete(service);
    }
  }

  #forget(): void {
    this.#touched.clear();
    this.#base = undefined;
    this.#wholeFrom = undefined;
  }
}

const partial: Counts = { services: [], partial: true };
