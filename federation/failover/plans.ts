import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Plan } from './plan.ts';

const lifetime = 15 * 60_000;
const most = 1000;

/** Plans that were simulated, for fifteen minutes, in memory: a restart of the hub forgets them. */
export class Plans {
  readonly #clock: Clock;
  readonly #plans = new Map<string, { plan: Plan; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(id: string, plan: Plan): number {
    const until = this.#clock.now() + lifetime;
    this.#plans.set(id, { plan, until });
    const oldest = this.#plans.size > most ? this.#plans.keys().next().value : undefined;
    if (oldest !== undefined) this.#plans.delete(oldest);
    return until;
  }

  get(id: string): Plan | undefined {
    const found = this.#plans.get(id);
    return found && found.until > this.#clock.now() ? found.plan : undefined;
  }
}
