import type { HealthReport } from '@isthmus/api/domain/report.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';

/** Health reports of one agent that are taken: on average a second, and at once. */
const perSecond = 10;
const burst = 50;

/** Passes on health reports, at a bounded rate: of those that come faster, the latest is taken later. */
export class LatestHealth {
  readonly #clock: Clock;
  readonly #limit: RateLimit;
  readonly #take: (report: HealthReport) => void;
  #waiting: HealthReport | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, take: (report: HealthReport) => void) {
    this.#clock = clock;
    this.#limit = new RateLimit(clock, perSecond, burst);
    this.#take = take;
  }

  report(report: HealthReport): void {
    if (this.#timer === undefined && this.#limit.take('')) return this.#take(report);
    // Counts that wait are not replaced by a report without counts.
    if (!report.partial || this.#waiting === undefined || this.#waiting.partial) this.#waiting = report;
    this.#timer ??= this.#clock.after(1000 / perSecond, () => this.#late());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#waiting = undefined;
  }

  #late(): void {
    this.#timer = undefined;
    const report = this.#waiting;
    this.#waiting = undefined;
    if (report) this.#take(report);
  }
}
