import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Plan } from './plan.ts';

const lifetime = 15 * 60_000;
const max = 1000;
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

  /** Plans that are in memory, those whose time has passed among them until the next is kept. */
  get size(): number {
    return this.#plans.size;
  }

  keep(id: string, plan: Plan): number {
    const now = this.#clock.now();
    const until = now + lifetime;
    this.#plans.set(id, { plan, until });
    this.#readings += plan.basis.size;
    for (const [oldest, { plan: old, until: end }] of this.#plans) {
      const isFull = this.#plans.size > max || this.#readings > maxReadings;
      if (oldest === id || (!isFull && end > now)) break;
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
