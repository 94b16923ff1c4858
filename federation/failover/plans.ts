import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Plan } from './plan.ts';

const lifetime = 15 * 60_000;
const most = 1000;
/** Readings that all plans rest on, some 100 bytes each: the oldest plans make room. */
const maxReadings = 200_000;

/** Plans that were simulated, for fifteen minutes, in memory: a restart of the hub forgets them. */
export class Plans {
  readonly #clock: Clock;
  readonly #plans = new Map<string, { plan: Plan; until: number }>();
  #readings = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(id: string, plan: Plan): number {
    const until = this.#clock.now() + lifetime;
    this.#plans.set(id, { plan, until });
    this.#readings += plan.basis.size;
    for (const [oldest, { plan: old }] of this.#plans) {
      const isFull = this.#plans.size > most || this.#readings > maxReadings;
      if (oldest === id || !isFull) break;
      this.#plans.delete(oldest);
      this.#readings -= old.basis.size;
    }
    return until;
  }

  get(id: string): Plan | undefined {
    const found = this.#plans.get(id);
    return found && found.until > this.#clock.now() ? found.plan : undefined;
  }
}
