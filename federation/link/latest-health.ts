import type { HealthReport } from '@isthmus/api/domain/report.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';

/** Health reports of one agent that are taken: on average a second, and at once. */
const perSecond = 10;
const burst = 50;

/**
 * Passes on health reports, at a bounded rate: of those that come faster, the latest is taken later. With changes that is
 * right as well, as they have all that differs from their base.
 */
export class LatestHealth {
  readonly #clock: Clock;
  readonly #limit: RateLimit;
  readonly #take: (report: HealthReport) => void;
  /** At most one that does not rest on another, and changes behind it. */
  #waiting: readonly HealthReport[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, take: (report: HealthReport) => void) {
    this.#clock = clock;
    this.#limit = new RateLimit(clock, perSecond, burst);
    this.#take = take;
  }

  report(report: HealthReport): void {
    if (this.#timer === undefined && this.#limit.take('')) return this.#take(report);
    this.#waiting = withLatest(this.#waiting, report);
    this.#timer ??= this.#clock.after(1000 / perSecond, () => this.#late());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#waiting = [];
  }

  #late(): void {
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const report of waiting) this.#take(report);
  }
}

/** Counts that wait are not replaced by a report without counts, nor those of all services by those of some. */
function withLatest(waiting: readonly HealthReport[], report: HealthReport): readonly HealthReport[] {
  if (report.partial && waiting.some(({ partial }) => !partial)) return waiting;
  if (!report.changes) return [report];
  return [...waiting.filter(({ partial, changes }) => !partial && !changes), report];
}
