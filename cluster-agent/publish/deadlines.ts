import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Touched } from '../keys/touched.ts';
import type { Due, DueWork } from './due-times.ts';

interface Deps {
  readonly trafficShifts: () => Iterable<TrafficShift>;
  readonly touch: (key: Touched) => void;
  readonly clock: Pick<Clock, 'now'>;
}

/** When drains are over for what is open. */
export class Deadlines implements DueWork {
  readonly name = 'deadlines';
  readonly #deps: Deps;
  /** Epoch milliseconds: those that had passed by then have been noticed. */
  #noticedAt = -Infinity;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  nextDue(): Due | undefined {
    let wall = Infinity;
    // A wall clock that was set back comes to the same deadlines again.
    this.#noticedAt = Math.min(this.#noticedAt, this.#deps.clock.now());
    for (const { deadline = Infinity } of this.#deps.trafficShifts())
      if (deadline > this.#noticedAt && deadline < wall) wall = deadline;
    return wall === Infinity ? undefined : { wall };
  }

  run(): void {
    const { trafficShifts, touch, clock } = this.#deps;
    const now = clock.now();
    for (const { id, deadline = Infinity } of trafficShifts())
      if (deadline > this.#noticedAt && deadline <= now) touch({ kind: 'deadline', trafficShift: id });
    this.#noticedAt = now;
  }
}
