import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { Cost } from './report-kinds.ts';

/** Which limit a resource would exceed. */
export type Exceeded = 'services' | 'ports' | 'gateways' | 'bytes';

interface Used extends Cost {
  readonly bytes: number;
}

/**
 * A number is the bytes of a resource that counts against no other limit. It takes no memory of its own, and there are as
 * many acknowledgements as the square of the number of clusters.
 */
type Counted = Used | number;

const usedBy = (counted: Counted | undefined): Used =>
  typeof counted === 'object' ? counted : { services: 0, ports: 0, gateways: 0, bytes: counted ?? 0 };

const counted = (used: Used): Counted =>
  used.services + used.ports + used.gateways === 0 ? used.bytes : used;

const words: Readonly<Record<Exceeded, string>> = {
  services: 'services',
  ports: 'service ports',
  gateways: 'gateways',
  bytes: 'bytes of reports',
};

/** How much of its limits one cluster's reports use. What is taken is counted by its type and name. */
export class ReportUsage {
  readonly #limits: ClusterLimits;
  readonly #used = { services: 0, ports: 0, gateways: 0, bytes: 0 };
  readonly #byType = new Map<string, Map<string, Counted>>();

  constructor(limits: ClusterLimits) {
    this.#limits = limits;
  }

  /** Counts a resource instead of what had its type and name before, unless that exceeds a limit. */
  take(
    type: string,
    name: string,
    cost: Cost,
    bytes: number,
  ): Result<void, { limit: Exceeded; why: string }> {
    const ofType = this.#byType.get(type) ?? new Map<string, Counted>();
    this.#byType.set(type, ofType);
    const before = usedBy(ofType.get(name));
    const next: Used = { services: cost.services, ports: cost.ports, gateways: cost.gateways, bytes };
    for (const limit of ['services', 'ports', 'gateways', 'bytes'] as const) {
      const total = this.#used[limit] - before[limit] + next[limit];
      // What does not grow is taken: a smaller limit after a restart makes no report worse than it was.
      if (next[limit] > before[limit] && total > this.#limits[limit])
        return err({
          limit,
          why: `it would be ${total} ${words[limit]} of this cluster, and ${this.#limits[limit]} are allowed`,
        });
    }
    this.#add(before, -1);
    this.#add(next, 1);
    ofType.set(name, counted(next));
    return ok(undefined);
  }

  release(type: string, name: string): void {
    const before = this.#byType.get(type)?.get(name);
    if (before === undefined) return;
    this.#add(usedBy(before), -1);
    this.#byType.get(type)?.delete(name);
  }

  #add(used: Used, sign: 1 | -1): void {
    for (const limit of ['services', 'ports', 'gateways', 'bytes'] as const)
      this.#used[limit] += sign * used[limit];
  }
}
